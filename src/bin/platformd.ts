#!/usr/bin/env node
/** The daemon's program: it makes the real clock, disk and processes and hands them to the platform. */
process.title = "git-heroku platformd";
