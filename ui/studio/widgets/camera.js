// The webcam: requested when the visitor clicks the button, takes one picture, and is switched off.

const [begin, take, stop] = ['begin', 'take', 'stop'].map(name => element.querySelector(`[data-camera=${name}]`));
const video = element.querySelector('video'), sheet = element.querySelector('canvas');
const problem = element.querySelector('.problem');
let stream = null;

const live = on => {
  video.hidden = take.hidden = stop.hidden = !on;
  begin.hidden = on;
};
const end = () => {
  for (const track of stream ? stream.getTracks() : []) track.stop();
  stream = video.srcObject = null;
  live(false);
};
begin.addEventListener('click', async () => {
  problem.hidden = true;
  try {
    stream = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: 640}, facingMode: 'user'}});
    video.srcObject = stream;
    await video.play();
    live(true);
  } catch (error) {
    end();
    problem.hidden = false;
  }
});
stop.addEventListener('click', end);
take.addEventListener('click', () => {
  const side = Math.min(video.videoWidth, video.videoHeight);
  if (!side) return;
  const context = sheet.getContext('2d');
  const left = (video.videoWidth - side) / 2, top = (video.videoHeight - side) / 2;
  context.drawImage(video, left, top, side, side, 0, 0, sheet.width, sheet.height);
  end();
  trigger('take');
});
