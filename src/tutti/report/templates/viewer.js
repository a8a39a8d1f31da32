// Balls and sticks on a canvas, the nearest painted last. No library: see docs/report.md.
const STICK = 0.1, GAP = 0.28, FOG = 0.35, MARGIN = 0.5, LIGHT = [-0.35, -0.4];

// Elements [symbol, colour, ball radius, covalent radius] by atomic number; coordinates in 1/scale Å.
function atomsOf(molecule, elements, scale) {
  const atoms = molecule.numbers.map((number, i) => {
    const [symbol, colour, radius, covalent] = elements[number];
    const at = [0, 1, 2].map((axis) => molecule.positions[3 * i + axis] / scale);
    return { symbol, colour: parsed(colour), radius, covalent, at };
  });
  const centre = [0, 1, 2].map((axis) => {
    const values = atoms.map((atom) => atom.at[axis]);
    return (Math.min(...values) + Math.max(...values)) / 2;
  });
  for (const atom of atoms) atom.at = atom.at.map((value, axis) => value - centre[axis]);
  return atoms;
}

// The assigner's bonds [first, second, order]; where it found none, single ones between close atoms.
function bondsOf(atoms, flat) {
  const bonds = [];
  for (let k = 0; k < flat.length; k += 3) bonds.push(flat.slice(k, k + 3));
  if (bonds.length) return bonds;
  atoms.forEach((a, i) => atoms.slice(i + 1).forEach((b, j) => {
    const distance = Math.hypot(...a.at.map((value, axis) => value - b.at[axis]));
    if (distance < 1.25 * (a.covalent + b.covalent)) bonds.push([i, i + 1 + j, 1]);
  }));
  return bonds;
}

// Å that a picture must hold in every orientation, from its centre.
function reach(atoms) {
  return Math.max(1.5, ...atoms.map((atom) => Math.hypot(...atom.at) + atom.radius)) + MARGIN;
}

function product(a, b) {
  return Array.from({ length: 9 }, (_, k) => {
    const [row, column] = [Math.floor(k / 3), k % 3];
    return a[3 * row] * b[column] + a[3 * row + 1] * b[3 + column] + a[3 * row + 2] * b[6 + column];
  });
}

// A turn about the axes of the screen, by angles in radians: x to the right, y up.
function turn(aboutX, aboutY) {
  const [cx, sx, cy, sy] = [Math.cos(aboutX), Math.sin(aboutX), Math.cos(aboutY), Math.sin(aboutY)];
  return product([1, 0, 0, 0, cx, -sx, 0, sx, cx], [cy, 0, sy, 0, 1, 0, -sy, 0, cy]);
}

// Colours are [red, green, blue], 0 ... 255.
const WHITE = [255, 255, 255], BLACK = [0, 0, 0], OUTLINE = [43, 43, 43], STICKS = [163, 163, 163];
const parsed = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const mixed = (colour, other, share) => colour.map((value, i) => value + (other[i] - value) * share);
const css = (colour) => `rgb(${colour.map(Math.round).join(" ")})`;

class Picture {
  constructor(canvas, atoms, bonds, rotation, paper) {
    Object.assign(this, { canvas, atoms, bonds, rotation, paper, zoom: 1 });
    this.half = reach(atoms);
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const box = this.canvas.getBoundingClientRect();
    this.canvas.width = Math.max(1, Math.round(box.width * ratio));
    this.canvas.height = Math.max(1, Math.round(box.height * ratio));
    this.context = this.canvas.getContext("2d");
    this.unit = (this.zoom * Math.min(this.canvas.width, this.canvas.height)) / (2 * this.half);
    const r = this.rotation;
    this.seen = this.atoms.map((atom) => ({
      ...atom,
      x: r[0] * atom.at[0] + r[1] * atom.at[1] + r[2] * atom.at[2],
      y: r[3] * atom.at[0] + r[4] * atom.at[1] + r[5] * atom.at[2],
      z: r[6] * atom.at[0] + r[7] * atom.at[1] + r[8] * atom.at[2],
    }));
    const items = [
      ...this.seen.map((atom) => ({ z: atom.z, paint: () => this.ball(atom) })),
      ...this.bonds.map(([i, j, order]) => this.stick(this.seen[i], this.seen[j], order)),
    ];
    for (const item of items.sort((a, b) => a.z - b.z)) item.paint();
  }

  // Place on the canvas, and how much of its colour something at this depth loses to the paper.
  place(x, y) {
    return [this.canvas.width / 2 + x * this.unit, this.canvas.height / 2 - y * this.unit];
  }

  fog(z) {
    return FOG * Math.min(1, Math.max(0, 0.5 - z / (2 * this.half)));
  }

  ball(atom) {
    const [x, y] = this.place(atom.x, atom.y);
    const radius = atom.radius * this.unit, share = this.fog(atom.z), context = this.context;
    const shade = context.createRadialGradient(
      x + LIGHT[0] * radius, y + LIGHT[1] * radius, radius * 0.05, x, y, radius);
    shade.addColorStop(0, css(mixed(mixed(atom.colour, WHITE, 0.65), this.paper, share)));
    shade.addColorStop(0.45, css(mixed(atom.colour, this.paper, share)));
    shade.addColorStop(1, css(mixed(mixed(atom.colour, BLACK, 0.35), this.paper, share)));
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = shade;
    context.fill();
    context.lineWidth = Math.max(1, 0.025 * this.unit);
    context.strokeStyle = css(mixed(OUTLINE, this.paper, share));
    context.stroke();
  }

  // One stick for each bond, side by side, from surface to surface; the second of an aromatic bond is dashed.
  stick(a, b, order) {
    const z = (a.z + b.z) / 2, count = Math.ceil(order);
    const [dx, dy, dz] = [b.x - a.x, b.y - a.y, b.z - a.z];
    const length = Math.hypot(dx, dy, dz), flat = Math.hypot(dx, dy) || 1;
    const [from, to] = [0.95 * a.radius / length, 1 - 0.95 * b.radius / length];
    const start = { x: a.x + from * dx, y: a.y + from * dy }, end = { x: a.x + to * dx, y: a.y + to * dy };
    const paint = () => {
      for (let k = 0; k < count && from < to; k += 1) {
        const offset = GAP * (k - (count - 1) / 2);
        const shift = [-dy / flat * offset, dx / flat * offset];
        this.line(start, end, shift, STICK / Math.sqrt(count), order === 1.5 && k === 1, this.fog(z));
      }
    };
    return { z, paint };
  }

  line(a, b, shift, radius, dashed, share) {
    const context = this.context;
    for (const [width, colour] of [[2 * radius + 0.05, OUTLINE], [2 * radius, STICKS]]) {
      context.beginPath();
      context.moveTo(...this.place(a.x + shift[0], a.y + shift[1]));
      context.lineTo(...this.place(b.x + shift[0], b.y + shift[1]));
      context.setLineDash(dashed ? [0.18 * this.unit, 0.12 * this.unit] : []);
      context.lineWidth = width * this.unit;
      context.strokeStyle = css(mixed(colour, this.paper, share));
      context.stroke();
    }
    context.setLineDash([]);
  }
}

// Drag, arrow keys: turn; wheel, plus and minus: zoom; double click, Home: as at first.
function makeTurnable(canvas, picture) {
  const change = (aboutX, aboutY) => {
    const shown = picture();
    if (!shown) return;
    shown.rotation = product(turn(aboutX, aboutY), shown.rotation);
    shown.draw();
  };
  const scale = (factor) => {
    const shown = picture();
    if (!shown) return;
    shown.zoom = Math.min(6, Math.max(0.4, shown.zoom * factor));
    shown.draw();
  };
  const reset = () => {
    const shown = picture();
    if (!shown) return;
    Object.assign(shown, { rotation: shown.first ?? shown.rotation, zoom: 1 });
    shown.draw();
  };
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons) change(event.movementY * 0.01, event.movementX * 0.01);
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    scale(Math.exp(-event.deltaY * 0.001));
  }, { passive: false });
  canvas.addEventListener("dblclick", reset);
  const keys = {
    ArrowLeft: () => change(0, -0.15), ArrowRight: () => change(0, 0.15),
    ArrowUp: () => change(-0.15, 0), ArrowDown: () => change(0.15, 0),
    "+": () => scale(1.2), "-": () => scale(1 / 1.2), Home: reset,
  };
  canvas.addEventListener("keydown", (event) => {
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}
