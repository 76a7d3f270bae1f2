// As sign.py, by the function that JustCall names.
const { createHmac } = require("node:crypto");

const lines = require("node:fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
for (const line of lines) {
  const [escaping, secret, url, type, timestamp] = JSON.parse(line);
  const strict = (char) => "%" + char.charCodeAt(0).toString(16).toUpperCase();
  const escaped = encodeURIComponent(url);
  const signed = escaping === "py" ? escaped.replace(/[!*'()]/g, strict) : escaped;
  console.log(createHmac("sha256", secret).update([secret, signed, type, timestamp].join("|")).digest("hex"));
}
