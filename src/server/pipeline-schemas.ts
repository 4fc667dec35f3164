/** Heroku's pipelines and promotions (docs/api.md, "Pipeline"). */
import { STAGES } from "../core/pipeline.ts";
import { named, object, oneOf, orNull, text, times, told, uuid } from "./schema-words.ts";

const withId = object({ id: uuid });
const stage = oneOf(...STAGES);

export const pipeline = object({
  generation: named,
  id: uuid,
  name: told(text, "3 to 30 lower-case letters, digits and dashes"),
  owner: object({ id: uuid, type: oneOf("user") }),
  ...times,
});

const coupling = { app: withId, id: uuid, stage, ...times };
export const pipelineCoupling = object({ ...coupling, pipeline: withId });
export const namedPipelineCoupling = object({ ...coupling, pipeline: named });

export const pipelinePromotion = object({
  id: uuid,
  pipeline: withId,
  source: object({ app: withId, release: withId }),
  status: oneOf("pending", "completed"),
  ...times,
});

export const promotionTarget = object({
  app: withId,
  error_message: orNull(text),
  id: uuid,
  pipeline_promotion: withId,
  release: orNull(withId),
  status: oneOf("pending", "succeeded", "failed"),
});
