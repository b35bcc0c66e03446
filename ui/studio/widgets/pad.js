// A canvas for drawing, or for painting a mask over a picture. Strokes go to two canvases: a visible one, and a hidden one
// at the model's resolution, with lines as thin as in its training data. On an empty canvas, pale guide lines can be traced.

const face = element.querySelector('canvas.face'), sheet = element.querySelector('canvas.sheet');
const brush = element.querySelector('input[type=range]');
const MOST = 30; // undo steps
const mask = element.querySelector('.pad').classList.contains('mask');
const guide = element.querySelector('img.guide'), trace = element.querySelector('button[data-tool=guide]');
let erasing = false, last = null, undone = [], base = '', loading = 0;

const contexts = () => [face, sheet].map(canvas => canvas.getContext('2d', {willReadFrequently: true}));
const ground = () => {
  for (const context of contexts()) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalCompositeOperation = 'source-over';
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    if (mask) continue;
    context.fillStyle = '#fff';
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  }
};
const remember = () => {
  undone.push(contexts().map(context => context.getImageData(0, 0, context.canvas.width, context.canvas.height)));
  if (undone.length > MOST) undone.shift();
};
const syncTools = () => {
  for (const button of element.querySelectorAll('button[data-tool]')) {
    const tool = button.dataset.tool;
    if (tool === 'undo') button.disabled = !undone.length;
    if (tool === 'guide') button.setAttribute('aria-pressed', !guide.hidden);
    if (tool === 'draw' || tool === 'erase') button.setAttribute('aria-pressed', (tool === 'erase') === erasing);
  }
};
const begin = () => {
  if (!props.value || !props.value.side || props.value.key === base) return;
  base = props.value.key;
  sheet.width = sheet.height = props.value.side;
  undone = [];
  ground();
  guide.hidden = true;
  guide.src = props.value.guide || '';
  trace.hidden = !props.value.guide;
  syncTools();
  const number = ++loading;
  if (mask) element.querySelector('img').src = props.value.picture;
  const start = mask ? props.value.mask : props.value.picture;
  if (start) {
    const image = new Image();
    image.onload = () => {
      if (number !== loading) return;
      for (const context of contexts()) {
        context.imageSmoothingQuality = 'high';
        context.drawImage(image, 0, 0, context.canvas.width, context.canvas.height);
      }
    };
    image.src = start;
  }
};
watch('value', begin);
begin();

const place = event => {
  const box = face.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
};
const line = (from, to) => {
  for (const context of contexts()) {
    const side = context.canvas.width, pixel = side / sheet.width;
    context.globalCompositeOperation = mask && erasing ? 'destination-out' : 'source-over';
    context.strokeStyle = mask ? '#5a4bd4' : erasing ? '#fff' : '#000';
    context.lineCap = context.lineJoin = 'round';
    context.lineWidth = mask ? side * Number(brush.value) / 100 : (props.value.pen || 2) * (erasing ? 3 : 1) * pixel;
    context.beginPath();
    context.moveTo(from[0] * side, from[1] * side);
    context.lineTo(to[0] * side, to[1] * side + 0.01);
    context.stroke();
  }
};
face.addEventListener('pointerdown', event => {
  if (!props.value || !props.value.side || event.button) return;
  face.setPointerCapture(event.pointerId);
  remember();
  last = place(event);
  line(last, last);
  syncTools();
  trigger('draw');
});
face.addEventListener('pointermove', event => {
  if (!last) return;
  for (const one of event.getCoalescedEvents ? event.getCoalescedEvents() : [event]) {
    const next = place(one);
    line(last, next);
    last = next;
  }
  trigger('draw');
});
for (const name of ['pointerup', 'pointercancel']) {
  face.addEventListener(name, () => {
    if (last) trigger('done');
    last = null;
  });
}

element.addEventListener('click', event => {
  const button = event.target.closest('button[data-tool]');
  if (!button) return;
  const tool = button.dataset.tool;
  if (tool === 'draw' || tool === 'erase') erasing = tool === 'erase';
  if (tool === 'clear') { remember(); ground(); guide.hidden = !props.value.guide; }
  if (tool === 'guide') guide.hidden = !guide.hidden;
  if (tool === 'undo' && undone.length) {
    const kept = undone.pop();
    contexts().forEach((context, number) => context.putImageData(kept[number], 0, 0));
  }
  syncTools();
  if (tool === 'clear' || tool === 'undo') {
    trigger('draw');
    trigger('done');
  }
});
syncTools();
