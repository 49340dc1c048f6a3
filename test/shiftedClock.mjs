// Loaded before the app by tests: its clock is ahead by HOURS_AHEAD.
const ahead = Number(process.env.HOURS_AHEAD ?? 0) * 3_600_000;
const now = Date.now;
Date.now = () => now() + ahead;
