import * as assert from "uvu/assert";
import { pathShape } from "../../src/core/path-shape.ts";
import { describe } from "../support/suite.ts";

const SHAPES: [path: string, shape: string][] = [
  ["/", "/"],
  ["", ""],
  ["/orders/17", "/orders/:id"],
  ["/orders/17?page=2&q=/x/9", "/orders/:id"],
  ["/orders/7#top", "/orders/:id"],
  ["/a;jsessionid=0AF3", "/a"],
  ["/api/v2/orders/17/items/3/", "/api/v2/orders/:id/items/:id/"],
  ["/carts/9B2C1E5A-0d7f-4c7e-8a53-2f0a4a1b6c9d", "/carts/:uuid"],
  ["/carts/9b2c1e5a0d7f4c7e8a532f0a4a1b6c9d", "/carts/:uuid"],
  ["/commits/7f3c01b2", "/commits/:id"],
  ["/commits/deadbeef", "/commits/deadbeef"],
  ["/assets/app-3f2a9c1b.js", "/assets/app-:id.js"],
  ["/order-1234/edit", "/order-:id/edit"],
  ["/photos/2011-06-19", "/photos/:id-06-19"],
  ["/t/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/t/:id"],
  ["/t/eyJhbGciOiJIUzI1NiJ9eyJzdWI", "/t/:id"],
  ["/how-to-write-a-long-title-of-a-page", "/how-to-write-a-long-title-of-a-page"],
  ["/h2/utf8/x86", "/h2/utf8/x86"],
  ["/a/b/c/d/e/f/g/h/i/j", "/a/b/c/d/e/f/g/h/.."],
  [`/${"x".repeat(200)}`, `/${"x".repeat(97)}..`],
];

describe("path shape", (test) => {
  for (const [path, shape] of SHAPES)
    test(`${path.slice(0, 50)} is ${shape.slice(0, 40)}`, () => assert.is(pathShape(path), shape));
});
