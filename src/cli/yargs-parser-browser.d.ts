/** The entry of yargs-parser for browsers, which has no types of its own. */
declare module "yargs-parser/browser" {
  import parser from "yargs-parser";
  export default parser;
}
