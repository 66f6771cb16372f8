// A field of the checkout on the page, and how a mistake in it is shown.
import { h, fill } from "./dom.js";
import { fields } from "./fields.js";
import { has, t } from "./i18n.js";

/** A field with its label and room for a mistake. */
export function field(name, value, options) {
  const { pointer: _, ...attributes } = fields[name];
  const id = `field-${name}`;
  const shared = { id, name, required: true, "data-testid": `checkout-${name.replace("_", "-")}`, ...attributes };
  const control = options ? h("select", shared, options) : h("input", { type: "text", ...shared, value: value ?? "" });
  const error = h("p.mistake", { id: `${id}-mistake`, hidden: true });
  const node = h(`div.field.${name}`, h("label", { for: id }, t(`field.${name}`)), control, error);
  return { node, control, show(code) {
    error.hidden = !code;
    fill(error, code ? t(has(`mistake.${name}.${code}`) ? `mistake.${name}.${code}` : has(`mistake.${code}`) ? `mistake.${code}` : "mistake.invalid") : "");
    if (code) {
      control.setAttribute("aria-invalid", "true");
      control.setAttribute("aria-describedby", error.id);
    } else {
      control.removeAttribute("aria-invalid");
      control.removeAttribute("aria-describedby");
    }
  } };
}
