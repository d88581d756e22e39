// Reads a calendar from standard input with ical.js; prints its events as JSON.

import ICAL from "ical.js";
import { readFileSync } from "node:fs";

const calendar = new ICAL.Component(ICAL.parse(readFileSync(0, "utf8")));
console.log(JSON.stringify(calendar.getAllSubcomponents("vevent").map((each) => new ICAL.Event(each)).map((event) => ({
  uid: event.uid, summary: event.summary, sequence: event.sequence, location: event.location,
  starts: event.startDate.toJSDate().toISOString(), ends: event.endDate.toJSDate().toISOString(),
}))));
