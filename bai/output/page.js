"use strict";
const find = (id) => document.getElementById(id);
const cut = find("cut");
const severity = find("severity");
if (cut) {
  const move = () => {
    const percent = `${cut.value}%`;
    find("after").style.clipPath = `inset(0 0 0 ${percent})`;
    find("line").style.left = percent;
    cut.setAttribute("aria-valuetext", `${cut.value} % of the width shows the image before the fire`);
  };
  cut.addEventListener("input", move);
  move();
}
if (severity) {
  const show = () => { find("classes").hidden = !severity.checked; };
  severity.addEventListener("change", show);
  show();
}
