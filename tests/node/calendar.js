// Reads a calendar as Thunderbird does (ical.js), and prints its events as JSON.
// Usage: node calendar.js MODULES FILE
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const [modules, file] = process.argv.slice(2);
const ICAL = require(join(modules, "ical.js/dist/ical.es5.cjs"));
const calendar = new ICAL.Component(ICAL.parse(readFileSync(file, "utf8")));
const events = calendar.getAllSubcomponents("vevent").map((component) => {
  const event = new ICAL.Event(component, { strictExceptions: true });
  return {
    uid: event.uid,
    title: event.summary,
    description: event.description,
    starts_at: event.startDate.toJSDate().toISOString(),
    ends_at: event.endDate.toJSDate().toISOString(),
  };
});
console.log(JSON.stringify(events));
