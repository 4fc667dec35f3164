import * as assert from "uvu/assert";
import fc from "fast-check";
import { cleanName, formatPerson, parsePerson } from "../../src/core/person.ts";
import { describe } from "../support/suite.ts";

describe("person", (test) => {
  test("reads what git prints, with or without the time, and a bare address", () => {
    const ned = { name: "Ned Foo", email: "ned@foobazco.com" };
    assert.equal(parsePerson("Ned Foo <ned@foobazco.com> 1795419055 +0000"), ned);
    assert.equal(parsePerson("Ned Foo <ned@foobazco.com>"), ned);
    assert.equal(parsePerson("ned@foobazco.com"), { name: ned.email, email: ned.email });
    assert.equal(parsePerson("<ned@foobazco.com>"), { name: ned.email, email: ned.email });
  });

  test("without an address there is nobody", () => {
    for (const text of ["", " ", "Ned", "Ned <>", "Ned < >", "<<>>", "Ned <\n>"])
      assert.is(parsePerson(text), undefined);
  });

  test("a header, a trailer or another person cannot be smuggled in", () => {
    const person = parsePerson("Ned\nparent 1234\r\n\0Via: ssh <ned@x\nStatus: failed> <boss@x>");
    assert.equal(person, { name: "Nedparent 1234Via: ssh", email: "ned@xStatus: failed" });
  });

  test("whatever comes in, one clean line comes out, and cleaning it again changes nothing", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
        const clean = cleanName(text);
        assert.not.match(clean, /[\u0000-\u001f\u007f-\u009f\u2028\u2029<>]|^\s|\s$|\p{Surrogate}/u);
        assert.ok(clean.length <= 200);
        assert.is(cleanName(clean), clean);
      }),
      { examples: [[`${"a".repeat(199)}😀`], [`${"a".repeat(199)} b`]] },
    );
  });

  test("parse ∘ format is the identity", () => {
    const word = fc.string({ unit: "binary", minLength: 1, maxLength: 60 }).map(cleanName);
    fc.assert(
      fc.property(word, word, (name, email) => {
        fc.pre(name !== "" && email !== "");
        assert.equal(parsePerson(formatPerson({ name, email })), { name, email });
      }),
    );
  });
});
