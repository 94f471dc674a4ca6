"""Look at every page of the built site in Chromium: light and dark, on a desk and on a phone.

Reported are pages wider than the screen, pictures that aren't there, errors in the console,
requests that leave the site, and texts that are cut off or too faint for what lies below them. With
`--pictures` each page's screenshots are written to a folder too.
"""

import argparse
import sys
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]

from browser import Browser, find_chromium  # noqa: E402

SITE = ROOT / "docs" / "_build" / "html"
WIDTHS = {"desk": 1280, "phone": 390}
SCHEMES = ("light", "dark")
# Of a screenshot, in pixels of the page.
MAX_HEIGHT = 6000
SCALE = 0.5
MAX_NAMED = 5

# Texts that are cut off, or fainter than WCAG's level AA allows for texts and for large ones.
TEXTS = """
const parsed = new Map();
function rgba(text) {
  if (!parsed.has(text)) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const context = canvas.getContext("2d", {willReadFrequently: true});
    context.fillStyle = text;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    parsed.set(text, [r, g, b, a / 255]);
  }
  return parsed.get(text);
}
function over(top, below) {
  return [0, 1, 2].map(k => top[k] * top[3] + below[k] * (1 - top[3])).concat(1);
}
function ground(element) {
  const layers = [];
  for (let each = element; each; each = each.parentElement)
    layers.push(rgba(getComputedStyle(each).backgroundColor));
  const isDark = document.documentElement.dataset.theme === "dark";
  const page = isDark ? [0, 0, 0, 1] : [255, 255, 255, 1];
  return layers.reverse().reduce((below, top) => over(top, below), page);
}
function luminance(color) {
  const [r, g, b] = color.slice(0, 3).map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(element) {
  const below = ground(element);
  const above = over(rgba(getComputedStyle(element).color), below);
  const [low, high] = [luminance(above), luminance(below)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}
// Inside a table or a block of code; a whole page that scrolls sideways isn't meant.
function scrolls(element) {
  for (let each = element; each && !each.querySelector("h1"); each = each.parentElement)
    if (["auto", "scroll"].includes(getComputedStyle(each).overflowX)) return true;
  return false;
}
function badTexts() {
  const seen = new Set(), found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || seen.has(element) || element.closest("svg")) continue;
    seen.add(element);
    const style = getComputedStyle(element);
    if (!element.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    const words = walker.currentNode.data.trim().slice(0, 40);
    if (element.getBoundingClientRect().right > innerWidth + 1 && !scrolls(element))
      found.push(`cut off: ${words}`);
    const size = parseFloat(style.fontSize), bold = +style.fontWeight >= 700;
    const least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    const ratio = contrast(element);
    // Colours are rounded to whole levels.
    if (ratio < least - 0.02) found.push(`contrast ${ratio.toFixed(2)}: ${words}`);
  }
  return found;
}
"""

PAGE = """
(() => {
  %s
  const found = [];
  const wide = document.scrollingElement.scrollWidth;
  if (wide > innerWidth) found.push(`${wide} pixels wide on a screen of ${innerWidth}`);
  for (const image of document.images)
    if (image.complete && !image.naturalWidth) found.push(`no picture ${image.src}`);
  return found.concat(badTexts());
})()
"""

# Pictures further down are read when they are scrolled to, and colours change little by little.
SETTLE = """
document.head.appendChild(document.createElement("style")).textContent =
  "*, *::before, *::after { transition: none !important }";
Promise.all([...document.images].map(image => {
  image.loading = "eager";
  return image.decode().catch(() => null);
})).then(() => true)
"""


def main(arguments=None):
    """Print what is wrong, page by page; return 1 if anything is, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("site", nargs="?", type=Path, default=SITE, help="default: %(default)s")
    parser.add_argument("--only", default="**/*.html", metavar="PATTERN", help="pages, as a glob")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="write screenshots there")
    options = parser.parse_args(arguments)
    pages = [
        path
        for path in sorted(options.site.glob(options.only))
        if "_static" not in path.relative_to(options.site).parts
    ]
    if not pages or find_chromium() is None:
        print(f"There is no page in {options.site}." if not pages else "There is no Chromium.")
        return 1
    n_bad = 0
    with Browser() as browser:
        for path in pages:
            name = path.relative_to(options.site)
            complaints = list(look_at(browser, path, name, options.pictures))
            n_bad += bool(complaints)
            for each in complaints:
                print(f"{name}: {each}")
    print(f"{len(pages)} pages, {n_bad} of them with something wrong.")
    return 1 if n_bad else 0


def look_at(browser, path, name, pictures):
    """Yield what is wrong with a page, in each scheme and width."""
    browser.prefer(SCHEMES[0])
    browser.resize(WIDTHS["desk"], 900)
    browser.open(path)
    browser.run(SETTLE)
    for scheme in SCHEMES:
        browser.prefer(scheme)
        browser.wait_for(f"document.documentElement.dataset.theme === '{scheme}'")
        for device, width in WIDTHS.items():
            browser.resize(width, 900, is_phone=device == "phone")
            found = browser.run(PAGE % TEXTS)
            yield from (f"{device}, {scheme}: {each}" for each in shortened(found))
            if pictures is not None:
                take_picture(browser, pictures / f"{device}_{scheme}", name, width)
    yield from errors_of(browser)


def shortened(found):
    """Return the first of what was found of each kind, and how many more there are."""
    told = []
    for _, same in groupby(found, key=lambda each: each.split(" ", 1)[0]):
        same = list(dict.fromkeys(same))
        told += same[:MAX_NAMED]
        if len(same) > MAX_NAMED:
            told.append(f"and {len(same) - MAX_NAMED} more")
    return told


def errors_of(browser):
    """Yield errors in the console, and requests that leave the site."""
    for event in browser.named("Runtime.exceptionThrown"):
        yield f"error: {event['exceptionDetails']['text']}"
    for event in browser.named("Log.entryAdded"):
        if event["entry"]["level"] == "error":
            yield f"error: {event['entry']['text']} {event['entry'].get('url', '')}"
    for event in browser.named("Runtime.consoleAPICalled"):
        if event["type"] == "error":
            yield f"error: {event['args'][0].get('value')}"
    for event in browser.named("Network.requestWillBeSent"):
        if not event["request"]["url"].startswith(("file:", "data:", "blob:")):
            yield f"asks {event['request']['url']}"


def take_picture(browser, folder, name, width):
    """Write a screenshot of the page, or of its upper part, to a folder."""
    height = min(browser.run("document.scrollingElement.scrollHeight"), MAX_HEIGHT)
    folder.mkdir(parents=True, exist_ok=True)
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": SCALE}
    browser.screenshot(folder / f"{'-'.join(name.with_suffix('').parts)}.png", clip=clip)


if __name__ == "__main__":
    sys.exit(main())
