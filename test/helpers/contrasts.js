// An expression for a page: the contrast (WCAG 2.2) of every visible text with the nearest ground behind it.
(() => {
  const luminance = (color) => {
    const parts = color
      .match(/[\d.]+/g)
      .slice(0, 3)
      .map((part) => Number(part) / 255);
    const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    const color = element ? getComputedStyle(element).backgroundColor : "rgb(255, 255, 255)";
    return color === "rgba(0, 0, 0, 0)" ? groundOf(element.parentElement) : color;
  };
  const textOf = (element) =>
    [...element.childNodes].map((node) => (node.nodeType === Node.TEXT_NODE ? node.nodeValue.trim() : "")).join("");
  return [...document.querySelectorAll("body *")]
    .filter((element) => textOf(element) !== "" && element.checkVisibility())
    .map((element) => {
      const [dark, light] = [getComputedStyle(element).color, groundOf(element)].map(luminance).sort((a, b) => a - b);
      return { text: textOf(element), ratio: (light + 0.05) / (dark + 0.05) };
    });
})();
