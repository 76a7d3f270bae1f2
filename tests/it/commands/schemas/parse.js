// Prints the faults of the AsyncAPI document on standard input.
const { Parser } = require("@asyncapi/parser");

const text = require("fs").readFileSync(0, "utf8");
new Parser().parse(text).then(({ document, diagnostics }) => {
  for (const { code, message, path } of diagnostics) {
    // The existence of a newer version is not a fault.
    if (code !== "asyncapi-latest-version") console.log(`${code} at ${path.join("/")}: ${message}`);
  }
  if (!document) console.log("no document");
  else console.error(`${document.channels().length} channels`);
});
