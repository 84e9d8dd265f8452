// Makes a drawn map one that can be moved and enlarged (Leaflet, over the borders that this server keeps). Without
// scripts, and on paper, the drawing stays. Nothing is asked of the outside.

const DEEPEST = 11; // the borders are good to about a kilometre
const moved = new Map(); // where the reader left each map, for when the page reads it again
let countries;

const loaded = async (address) => {
  const { scale, lines, countries: named } = await (await fetch(address)).json();
  const decoded = lines.map((steps) => {
    const points = [];
    for (let n = 0, x = 0, y = 0; n < steps.length; n += 2) {
      x += steps[n];
      y += steps[n + 1];
      points.push([x / scale, y / scale]);
    }
    return points;
  });
  const ring = (numbers) => numbers.flatMap((n) => (n >= 0 ? decoded[n] : decoded[~n].toReversed()));
  return named.map(([name, rings]) => ({
    type: "Feature",
    properties: { name },
    geometry: { type: "MultiPolygon", coordinates: rings.map((numbers) => [ring(numbers)]) },
  }));
};

const label = (text, kind) => {
  const element = document.createElement("span");
  element.textContent = text;
  return L.tooltip({ permanent: true, className: kind, content: element });
};

/** The middle and the extent of a country's largest piece: where its name may stand. */
const place = ({ geometry }) => {
  const boxes = geometry.coordinates.map(([points]) => L.latLngBounds(points.map(([lon, lat]) => [lat, lon])));
  const area = (box) => (box.getEast() - box.getWest()) * (box.getNorth() - box.getSouth());
  return boxes.reduce((best, box) => (area(box) > area(best) ? box : best));
};

const meet = (one, other) =>
  one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;

/** Show the names that have room, on whichever side: places first, then countries that are wider than their name. */
const declutter = (map, names) => {
  const frame = map.getContainer().getBoundingClientRect();
  const taken = [];
  for (const { tooltip, sides, within } of names) {
    const element = tooltip.getElement();
    const widest = within ? map.project(within.getNorthEast()).x - map.project(within.getSouthWest()).x : frame.width;
    element.hidden = false;
    element.hidden = !sides.some((side) => {
      tooltip.options.direction = side;
      tooltip.update();
      const at = element.getBoundingClientRect();
      const fits = at.width <= widest && at.left >= frame.left && at.right <= frame.right;
      const free = fits && !taken.some((other) => meet(at, other));
      if (free) taken.push(at);
      return free;
    });
  }
};

const drawn = (holder, { spots, paths }) => {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map(holder, {
    attributionControl: false,
    zoomControl: false,
    dragging: !matchMedia("(pointer: coarse)").matches, // one finger scrolls the page, two move the map
    scrollWheelZoom: false,
    zoomSnap: 0.25,
    maxZoom: DEEPEST,
    zoomAnimation: !still,
    fadeAnimation: !still,
    inertia: !still,
  });
  map.on("focus", () => map.scrollWheelZoom.enable());
  map.on("blur", () => map.scrollWheelZoom.disable());
  L.control.zoom({ position: "bottomright" }).addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  map.fitBounds(L.latLngBounds(spots.map(({ at }) => at)), { padding: [40, 40], maxZoom: 9, animate: false });
  L.geoJSON(countries, { interactive: false, style: { className: "land" } }).addTo(map);
  for (const { at, look, words } of paths) {
    L.polyline(at, { className: `way ${look}` }).bindTooltip(words, { sticky: true }).addTo(map);
  }
  const names = spots.map(({ at, kind, name, words }) => {
    const radius = kind === "home" ? 7 : 5;
    L.circleMarker(at, { className: `spot ${kind}`, radius }).bindTooltip(words).addTo(map);
    return { tooltip: label(name, "name").setLatLng(at).addTo(map), sides: ["right", "left", "top", "bottom"] };
  });
  for (const each of countries) {
    const within = place(each);
    const tooltip = label(each.properties.name, "name country").setLatLng(within.getCenter());
    names.push({ tooltip: tooltip.addTo(map), sides: ["center"], within });
  }
  map.on("zoomend dragend resize", () => declutter(map, names));
  declutter(map, names);
  return map;
};

const enliven = async () => {
  for (const figure of document.querySelectorAll("figure[data-places]")) {
    if (figure.querySelector("[data-live]")) continue;
    const holder = document.createElement("div");
    holder.className = "map live";
    holder.dataset.live = "";
    holder.setAttribute("role", "group");
    holder.setAttribute("aria-label", figure.querySelector("svg").getAttribute("aria-label"));
    countries ??= await loaded(figure.dataset.borders);
    if (!figure.isConnected || figure.querySelector("[data-live]")) continue;
    figure.append(holder);
    const name = figure.dataset.map;
    const map = drawn(holder, JSON.parse(figure.dataset.places));
    if (moved.has(name)) map.setView(...moved.get(name), { animate: false });
    map.on("zoomend dragend", () => moved.set(name, [map.getCenter(), map.getZoom()]));
    const resized = new ResizeObserver(() => {
      if (holder.isConnected) return map.invalidateSize();
      resized.disconnect();
      return map.remove();
    });
    resized.observe(holder);
  }
};

document.addEventListener("htmx:oobAfterSwap", enliven);
await enliven();
