// Reads a list of texts as JSON, and writes how many tokens of o200k_base each takes.
const { encode } = require("gpt-tokenizer/encoding/o200k_base");

const texts = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const asText = { allowedSpecial: new Set(), disallowedSpecial: new Set() };
process.stdout.write(JSON.stringify(texts.map((text) => encode(text, asText).length)));
