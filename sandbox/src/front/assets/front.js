// Comfort only: every page works without this.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    let copied = true;
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      // Browsers copy for pages of this machine and of HTTPS only; elsewhere the text is marked, to be copied by hand.
      getSelection().selectAllChildren(source);
      copied = false;
    }
    button.textContent = copied ? "Copied" : "Marked";
    setTimeout(() => (button.textContent = label), 2000);
  });
}

// The answer to a form stands at an address of its own, so that loading it again sends nothing again.
const place = document.body.dataset.place;
if (place) {
  history.replaceState(null, "", place);
}
