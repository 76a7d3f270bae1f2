// Parses an AsyncAPI document from standard input and prints a line for each thing that is wrong with it.
const { Parser } = require("@asyncapi/parser");

const text = require("fs").readFileSync(0, "utf8");
new Parser().parse(text).then(({ document, diagnostics }) => {
  for (const { code, message, path } of diagnostics) {
    // That a newer version is out says nothing about the document.
    if (code !== "asyncapi-latest-version") console.log(`${code} at ${path.join("/")}: ${message}`);
  }
  if (!document) console.log("no document");
  else console.error(`${document.channels().length} channels`);
});
