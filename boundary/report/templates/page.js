"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const json = (id) => JSON.parse($(id).textContent);

  // --- theme -------------------------------------------------------------------------------------------------------
  const THEMES = ["auto", "light", "dark"];
  const remembered = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const remember = (name) => { try { localStorage.setItem("theme", name); } catch { /* a file may not be allowed to */ } };
  let theme = Math.max(0, THEMES.indexOf(remembered()));
  function applyTheme() {
    if (theme) document.documentElement.dataset.theme = THEMES[theme];
    else delete document.documentElement.dataset.theme;
    $("theme").querySelector("span").textContent = THEMES[theme];
  }
  applyTheme();
  $("theme").hidden = false;
  $("theme").addEventListener("click", () => {
    theme = (theme + 1) % THEMES.length;
    remember(THEMES[theme]);
    applyTheme();
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
  if (!matchMedia("(min-width: 1080px)").matches) $("contents").open = false;
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));

  // --- the networks ------------------------------------------------------------------------------------------------
  // Each works in place on one unit's values for all points.
  const each = (f) => (z) => { for (let i = 0; i < z.length; i++) z[i] = f(z[i]); };
  const sigmoid = (z) => 1 / (1 + Math.exp(-z));
  const ALPHA = 1.6732632423543772, SCALE = 1.0507009873554805; // of SELU
  const ACTIVATIONS = {
    // filled in from boundary/nn/activations.py
  };

  function decode(film) {
    const bytes = Uint8Array.from(atob(film.weights), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    film.parameters = film.sizes.slice(1).reduce((sum, o, k) => sum + o * film.sizes[k] + o, 0);
    film.values = Float64Array.from({ length: bytes.length / 4 }, (_, k) => view.getFloat32(4 * k, true));
    delete film.weights;
    return film;
  }

  /** Outputs of one replicate at one frame: inputs, one array per feature, give one array per output. */
  function forward(film, frame, replicate, inputs) {
    let at = (frame * film.replicates + replicate) * film.parameters, h = inputs;
    const w = film.values, count = inputs[0].length, last = film.sizes.length - 2;
    for (let k = 0; k <= last; k++) {
      const wide = film.sizes[k], units = film.sizes[k + 1], biases = at + wide * units, next = [];
      for (let u = 0; u < units; u++, at += wide) {
        const z = new Float64Array(count).fill(w[biases + u]);
        for (let j = 0; j < wide; j++) {
          const weight = w[at + j], x = h[j];
          for (let i = 0; i < count; i++) z[i] += weight * x[i];
        }
        if (k < last) ACTIVATIONS[film.activation](z);
        next.push(z);
      }
      at = biases + units;
      h = next;
    }
    return h;
  }

  /** From outputs to one array of probabilities per class; a regression's value stays as it is. */
  function answers(task, outputs) {
    if (task === "regression") return outputs;
    if (task === "binary") return [Float64Array.from(outputs[0], (z) => sigmoid(-z)), Float64Array.from(outputs[0], sigmoid)];
    const shares = outputs.map((z) => new Float64Array(z.length));
    for (let i = 0; i < outputs[0].length; i++) {
      let top = -Infinity, sum = 0;
      for (const z of outputs) top = Math.max(top, z[i]);
      outputs.forEach((z, k) => { sum += shares[k][i] = Math.exp(z[i] - top); });
      for (const share of shares) share[i] /= sum;
    }
    return shares;
  }

  // --- what is shown -----------------------------------------------------------------------------------------------
  const scenes = json("scenes"), choices = json("variants"), films = new Map();
  const PALETTE = choices.palette.map((hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16)));
  const state = { name: null, film: null, scene: null, replicate: 0, frame: 0, cross: null, timer: 0 };
  const colour = (k) => PALETTE[k % PALETTE.length];
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const rgb = (k) => `rgb(${colour(k).join(" ")})`;
  const short = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(4)).toString());

  function choose(name) {
    const choice = choices.variants[name];
    stop();
    state.cross = null;
    $("variant").value = name;
    $("no-replay").hidden = !choice.note;
    $("no-replay").textContent = choice.note || "";
    document.querySelectorAll(".stage, .panel").forEach((part) => { part.hidden = Boolean(choice.note); });
    state.name = name;
    state.film = null;
    if (choice.note) return;
    if (!films.has(name)) films.set(name, decode(json(`film-${name}`)));
    state.film = films.get(name);
    state.scene = scenes[choice.dataset];
    state.replicate = 0;
    state.frame = state.film.frames.length - 1;
    $("epoch").max = state.frame;
    $("epoch").value = state.frame;
    const { features, low, high, target } = state.scene;
    state.bounds = features.map((_, k) => { const room = (high[k] - low[k] || 1) * 0.05; return [low[k] - room, high[k] + room]; });
    if (features.length === 1) {
      const [least, most] = state.scene.task === "regression" ? range() : [0, 1], room = (most - least || 1) * 0.15;
      state.bounds.push([least - room, most + room]);
    }
    const names = [features[0], features[1] ?? (state.scene.task === "regression" ? target : "probability")];
    $("x-name").textContent = names[0];
    $("y-name").textContent = names[1];
    $("low-x").textContent = short(state.bounds[0][0]);
    $("high-x").textContent = short(state.bounds[0][1]);
    $("low-y").textContent = short(state.bounds[1][0]);
    $("high-y").textContent = short(state.bounds[1][1]);
    for (const id of ["accuracy-head", "train-accuracy", "test-accuracy"]) $(id).hidden = state.scene.task === "regression";
    const box = $("replicates");
    box.querySelectorAll("label").forEach((label) => label.remove());
    for (let r = 0; r < state.film.replicates; r++) {
      const label = document.createElement("label"), input = document.createElement("input"), text = document.createElement("span");
      Object.assign(input, { type: "radio", name: "replicate", value: r, checked: r === 0 });
      input.addEventListener("change", () => { state.replicate = r; redraw(); });
      text.textContent = `seed ${state.film.seed + r}`;
      label.append(input, document.createElement("canvas"), text);
      box.append(label);
    }
    redraw();
  }

  let asked = 0;
  function redraw() {
    if (!state.film || asked) return;
    asked = requestAnimationFrame(() => { asked = 0; draw(); });
  }

  /** A square grid over the bounds, row by row from the top. */
  function grid(steps) {
    const [[left, right], [bottom, top]] = state.bounds, x = new Float64Array(steps * steps), y = new Float64Array(steps * steps);
    for (let row = 0, i = 0; row < steps; row++) {
      for (let column = 0; column < steps; column++, i++) {
        x[i] = left + ((right - left) * (column + 0.5)) / steps;
        y[i] = top - ((top - bottom) * (row + 0.5)) / steps;
      }
    }
    return [x, y];
  }

  const finest = (budget) => Math.round(Math.min(160, Math.max(24, Math.sqrt(budget / state.film.parameters))));

  function draw() {
    const flat = state.scene.features.length === 1, count = state.film.replicates;
    const fine = flat ? 200 : finest(1.6e7), coarse = flat ? 60 : Math.min(60, finest(4e6));
    const said = [];
    for (let r = 0; r < count; r++) said.push(say(r, coarse));
    paint($("field"), say(state.replicate, fine), fine, $("others").checked ? said.filter((_, r) => r !== state.replicate) : [], coarse, true);
    document.querySelectorAll("#replicates canvas").forEach((canvas, r) => paint(canvas, said[r], coarse, [], coarse, false));
    agreement(said);
    numbers();
    readout();
  }

  /** The answers of a replicate over the picture. */
  function say(replicate, steps) {
    const [[left, right]] = state.bounds;
    const line = () => [Float64Array.from({ length: steps + 1 }, (_, k) => left + ((right - left) * k) / steps)];
    return answers(state.scene.task, forward(state.film, state.frame, replicate, state.scene.features.length === 1 ? line() : grid(steps)));
  }

  function paint(canvas, said, steps, others, coarse, large) {
    const ratio = Math.min(window.devicePixelRatio || 1, 2), wide = Math.max(1, Math.round(canvas.clientWidth * ratio)), high = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
    const context = canvas.getContext("2d"), ink = css("--ink");
    context.clearRect(0, 0, wide, high);
    context.lineJoin = "round";
    const stroke = (path, width, style, alpha) => { context.lineWidth = width * ratio; context.strokeStyle = style; context.globalAlpha = alpha; context.stroke(path); context.globalAlpha = 1; };
    if (state.scene.features.length === 1) {
      if (large) points(context, wide, high, ratio);
      others.forEach((other) => other.forEach((values) => stroke(curve(values, wide, high), 1, ink, 0.35)));
      said.forEach((values, k) => stroke(curve(values, wide, high), large ? 2.4 : 1.6, said.length > 1 ? rgb(k) : css("--bad"), 1));
    } else {
      context.imageSmoothingEnabled = true;
      context.drawImage(colours(said, steps), 0, 0, wide, high);
      if (large) points(context, wide, high, ratio);
      others.forEach((other) => borders(other).forEach((values) => stroke(contour(values, coarse, wide, high), 1, ink, 0.45)));
      borders(said).forEach((values) => stroke(contour(values, steps, wide, high), large ? 2.2 : 1.2, ink, 1));
    }
    if (large && state.cross) {
      const [x, y] = onCanvas(state.cross, wide, high), path = new Path2D();
      path.moveTo(x, 0); path.lineTo(x, high); path.moveTo(0, y); path.lineTo(wide, y);
      stroke(path, 1, ink, 0.5);
    }
  }

  /** The least and the largest target of a regression. */
  function range() {
    const values = Object.values(state.scene.parts).flatMap((part) => part.y).filter((y) => y !== null);
    return [Math.min(...values), Math.max(...values)];
  }

  /** The most probable class's colour, the paler the less sure; of a regression, its value between two colours. */
  function colours(said, steps) {
    const image = new ImageData(steps, steps), classes = said.length;
    const values = state.scene.task === "regression", [least, most] = values ? range() : [0, 1];
    for (let i = 0; i < steps * steps; i++) {
      let top = 0, strength;
      if (values) {
        const share = Math.min(1, Math.max(0, (said[0][i] - least) / (most - least || 1))) * 2 - 1;
        top = share > 0 ? 1 : 0;
        strength = Math.abs(share);
      } else {
        for (let k = 1; k < classes; k++) if (said[k][i] > said[top][i]) top = k;
        strength = (said[top][i] - 1 / classes) / (1 - 1 / classes);
      }
      image.data.set(colour(top), 4 * i);
      image.data[4 * i + 3] = Number.isNaN(strength) ? 0 : 255 * (0.05 + 0.6 * strength);
    }
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = steps;
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }

  /** For each boundary, by how much a class leads the best of the others. */
  function borders(said) {
    if (state.scene.task === "regression") return [];
    return (said.length === 2 ? [1] : said.map((_, k) => k)).map((k) => said[k].map((value, i) => value - Math.max(...said.filter((_, j) => j !== k).map((other) => other[i]))));
  }

  /** Where values on a grid are zero: marching squares, straight between two neighbours. */
  function contour(values, steps, wide, high) {
    const path = new Path2D(), dx = wide / steps, dy = high / steps;
    for (let row = 0; row + 1 < steps; row++) {
      for (let column = 0; column + 1 < steps; column++) {
        const i = row * steps + column, corners = [values[i], values[i + 1], values[i + steps + 1], values[i + steps]], cuts = [];
        for (let side = 0; side < 4; side++) {
          const a = corners[side], b = corners[(side + 1) % 4];
          if (a > 0 === b > 0 || !(a - b)) continue;
          const t = a / (a - b), [x, y] = [[t, 0], [1, t], [1 - t, 1], [0, 1 - t]][side];
          cuts.push([(column + 0.5 + x) * dx, (row + 0.5 + y) * dy]);
        }
        for (let k = 0; k + 1 < cuts.length; k += 2) { path.moveTo(...cuts[k]); path.lineTo(...cuts[k + 1]); }
      }
    }
    return path;
  }

  function curve(values, wide, high) {
    const path = new Path2D(), [bottom, top] = state.bounds[1];
    values.forEach((value, k) => path[k ? "lineTo" : "moveTo"]((k * wide) / (values.length - 1), ((top - value) / (top - bottom)) * high));
    return path;
  }

  const onCanvas = ([x, y], wide, high) => state.bounds.map(([low, up], k) => (k ? ((up - y) / (up - low)) * high : ((x - low) / (up - low)) * wide));

  const MARKS = [ // around a point: disc, square, triangle, diamond
    (p, x, y, s) => { p.moveTo(x + s, y); p.arc(x, y, s, 0, 7); },
    (p, x, y, s) => p.rect(x - 0.9 * s, y - 0.9 * s, 1.8 * s, 1.8 * s),
    (p, x, y, s) => { p.moveTo(x, y - 1.2 * s); p.lineTo(x + 1.1 * s, y + 0.8 * s); p.lineTo(x - 1.1 * s, y + 0.8 * s); p.closePath(); },
    (p, x, y, s) => { p.moveTo(x, y - 1.3 * s); p.lineTo(x + 1.2 * s, y); p.lineTo(x, y + 1.3 * s); p.lineTo(x - 1.2 * s, y); p.closePath(); },
  ];

  function points(context, wide, high, ratio) {
    const part = state.scene.parts[$("part").value];
    if (!part) return;
    const task = state.scene.task, flat = state.scene.features.length === 1, paths = new Map();
    const [least, most] = task === "regression" ? range() : [0, 0], middle = (least + most) / 2;
    part.y.forEach((y, i) => {
      const kind = task === "regression" ? Number(!flat && y > middle) : y, place = [part.x[0][i], !flat ? part.x[1][i] : task === "regression" ? y : y / (state.scene.classes.length - 1)];
      if (!paths.has(kind)) paths.set(kind, new Path2D());
      MARKS[(kind + Math.floor(kind / PALETTE.length)) % MARKS.length](paths.get(kind), ...onCanvas(place, wide, high), 3.1 * ratio);
    });
    const purity = css("--purity");
    context.lineWidth = 1.6 * ratio;
    context.strokeStyle = css("--card");
    for (const [kind, path] of paths) { context.fillStyle = `color-mix(in srgb, ${rgb(kind)} ${purity}, white)`; context.stroke(path); context.fill(path); }
  }

  function agreement(said) {
    const { task, features } = state.scene;
    let text = "";
    if (task !== "regression" && said.length > 1) {
      const top = (one, i) => one.reduce((best, values, k) => (values[i] > one[best][i] ? k : best), 0);
      let same = 0;
      const all = said[0][0].length;
      for (let i = 0; i < all; i++) { const first = top(said[0], i); if (said.every((one) => top(one, i) === first)) same++; }
      text = `The ${said.length} replicates give the same answer on ${Math.round((100 * same) / all)}% of the ${features.length === 1 ? "line" : "picture"}.`;
    } else if (said.length > 1) {
      let widest = 0;
      for (let i = 0; i < said[0][0].length; i++) { const values = said.map((one) => one[0][i]); widest = Math.max(widest, Math.max(...values) - Math.min(...values)); }
      text = `The ${said.length} replicates are at most ${short(widest)} apart.`;
    }
    $("agreement").textContent = text;
  }

  function numbers() {
    const { film, frame, replicate } = state, { history } = film, epoch = film.frames[frame];
    const text = epoch < 0 ? "before training" : `epoch ${epoch} of ${film.frames[film.frames.length - 1]}`;
    $("epoch-name").textContent = text;
    $("epoch").setAttribute("aria-valuetext", text);
    for (const part of ["train", "test"]) {
      const value = (name) => (frame ? history[name]?.[replicate][frame - 1] : null);
      $(`${part}-loss`).textContent = short(value(`${part}_loss`));
      const hits = value(`${part}_accuracy`);
      $(`${part}-accuracy`).textContent = hits === null || hits === undefined ? "–" : `${(100 * hits).toFixed(1)}%`;
    }
    $("field").setAttribute("aria-label", `What ${state.name}, seed ${film.seed + replicate}, answers ${text}`);
    const every = ["train_loss", "test_loss"].flatMap((name) => history[name][replicate]).filter((v) => v !== null);
    const least = Math.min(...every), most = Math.max(...every), last = film.frames.length - 1;
    const place = (k, v) => `${((k * 300) / last).toFixed(1)} ${(66 - (62 * (v - least)) / (most - least || 1)).toFixed(1)}`;
    const line = (name) => {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("class", `line ${name.split("_")[0]}`);
      path.setAttribute("d", history[name][replicate].map((v, k) => (v === null ? "" : place(k + 1, v))).filter(Boolean).map((p, k) => (k ? "L" : "M") + p).join(""));
      return path;
    };
    const now = document.createElementNS("http://www.w3.org/2000/svg", "path");
    now.setAttribute("class", "now");
    now.setAttribute("d", `M${(frame * 300) / last} 0V70`);
    $("spark").replaceChildren(line("train_loss"), line("test_loss"), now);
  }

  /** The probabilities, or the value, under the crosshair; in full precision as the values of <data>. */
  function readout() {
    const { scene, film, frame, replicate, cross } = state, box = $("readout");
    box.replaceChildren();
    const intro = document.createElement("p");
    box.append(intro);
    if (!cross) { intro.textContent = "Point at the picture to read what the network answers there."; return; }
    const said = answers(scene.task, forward(film, frame, replicate, scene.features.map((_, k) => Float64Array.of(cross[k]))));
    intro.textContent = `At ${scene.features.map((name, k) => `${name} ${short(cross[k])}`).join(", ")}`;
    box.dataset.place = JSON.stringify(cross.slice(0, scene.features.length));
    said.forEach(([value], k) => {
      const row = document.createElement("div"), name = document.createElement("span"), bar = document.createElement("i"), shown = document.createElement("data");
      row.className = `bar c${k % PALETTE.length}`;
      name.textContent = scene.task === "regression" ? scene.target : scene.classes[k];
      bar.style.width = `${scene.task === "regression" ? 0 : 100 * value}%`;
      shown.value = String(value);
      shown.textContent = scene.task === "regression" ? short(value) : `${(100 * value).toFixed(1)}%`;
      row.append(name, bar, shown);
      box.append(row);
    });
  }

  // --- what one can do ---------------------------------------------------------------------------------------------
  const lab = $("lab"), field = $("field"), epoch = $("epoch");
  function seek(frame) { state.frame = Number(frame); epoch.value = frame; redraw(); }
  function stop() { clearInterval(state.timer); state.timer = 0; $("play").textContent = "Play"; $("play").setAttribute("aria-pressed", "false"); }
  $("play").addEventListener("click", () => {
    if (state.timer) { stop(); return; }
    const last = state.film.frames.length - 1;
    if (state.frame === last) seek(0);
    $("play").textContent = "Pause";
    $("play").setAttribute("aria-pressed", "true");
    state.timer = setInterval(() => { seek(Math.min(state.frame + 1, last)); if (state.frame === last) stop(); }, Math.max(60, 3000 / last));
  });
  epoch.addEventListener("input", () => { stop(); seek(epoch.value); });
  $("variant").addEventListener("change", () => choose($("variant").value));
  for (const id of ["part", "others"]) $(id).addEventListener("change", redraw);
  const point = (event) => {
    const box = field.getBoundingClientRect(), share = [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
    state.cross = state.bounds.map(([low, high], k) => low + (high - low) * share[k]);
    redraw();
  };
  field.addEventListener("pointermove", point);
  field.addEventListener("pointerdown", point);
  field.addEventListener("pointerleave", () => { state.cross = null; redraw(); });
  field.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (event.key === "Escape") state.cross = null;
    else if (move) {
      const by = event.shiftKey ? 0.1 : 0.02, from = state.cross || state.bounds.map(([low, high]) => (low + high) / 2);
      state.cross = state.bounds.map(([low, high], k) => Math.min(high, Math.max(low, from[k] + move[k] * by * (high - low))));
      event.preventDefault();
    } else return;
    redraw();
  });
  document.querySelectorAll(".replay-link").forEach((link) => {
    link.hidden = false;
    link.addEventListener("click", () => choose(link.dataset.variant));
  });
  lab.hidden = false;
  new ResizeObserver(redraw).observe(field);
  choose($("variant").value);
})();
