
export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".curves");
  if (root && data) (root.charts ??= new Charts(root)).update(decode(data));
}
