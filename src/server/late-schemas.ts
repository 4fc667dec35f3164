/** Request schemas that are compiled when the first request of their route comes: a daemon that starts has a hundred of
 *  them, most are not asked for before it stops, and together they are a fifth of its start. */
import buildAjvCompiler from "@fastify/ajv-compiler";

type BuildCompiler = ReturnType<typeof buildAjvCompiler>;
type Compile = ReturnType<BuildCompiler>;
type Validate = ReturnType<Compile>;

/** For fastify's `schemaController.compilersFactory.buildValidator`. */
export function buildLateValidators(): BuildCompiler {
  const buildCompiler = buildAjvCompiler();
  return (schemas, options) => {
    const compiler = once(() => buildCompiler(schemas, options));
    return (route) => {
      const compiled = once(() => compiler()(route));
      const validate = ((data: unknown): unknown => {
        const isValid = compiled()(data);
        // Where fastify looks for them.
        validate.errors = compiled().errors ?? null;
        return isValid;
      }) as Validate;
      return validate;
    };
  };
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
