/** Numbers with the form of the word that goes with them, in any language. */

/** @typedef {Partial<Record<Intl.LDMLPluralRule, string>> & {other: string}} Forms `{}` stands for the number */

/**
 * How a language counts: `some(2, {one: "{} clip", other: "{} clips"})` is "2 clips". A form without `{}` says its number
 * by itself.
 * @param {string} code of the language
 */
export function counting(code) {
  const rules = new Intl.PluralRules(code);
  /** @param {number} number @param {Forms} forms @param {string} [shown] the number as it is written */
  return (number, forms, shown = String(number)) => (forms[rules.select(number)] ?? forms.other).replace("{}", shown);
}
