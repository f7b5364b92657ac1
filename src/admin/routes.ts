import type { EntityStore, Input, Key, Stores } from "../entities/index.ts";
import { type Entity, infer, isUuid, type Row } from "../schema/index.ts";
import { type Answer, json, methodNotAllowed, noContent, notFound } from "./answer.ts";
import type { Body } from "./body.ts";
import { type Call, firstParam } from "./call.ts";
import { pageAnswer, pageQuery, tagsQuery } from "./lists.ts";
import type { Route } from "./paths.ts";
import type { Secrets } from "./secrets.ts";

/** The path of an entity's collection. */
const collectionOf = (entity: Entity): string => `/${entity.admin_api_name ?? entity.name}`;

const nestedName = (entity: Entity): string => entity.admin_api_nested_name ?? entity.admin_api_name ?? entity.name;

/**
 * The generated routes (SPEC-admin-api §2) of all entities: collections and rows; below a row, the rows that refer to it;
 * below those that refer, what they refer to.
 */
export function entityRoutes(stores: Stores, secrets: Secrets): Route[] {
  return stores.entities
    .filter(({ internal }) => !internal)
    .flatMap((entity) => {
      const rows = createRows(stores, entity, secrets);
      const references = Object.entries(entity.fields).flatMap(([field, { type, ...rest }]) => {
        const parent = type === "foreign" && "reference" in rest ? stores.named(rest.reference)?.entity : undefined;
        return parent ? [{ field, parent: createRows(stores, parent, secrets) }] : [];
      });
      return [
        ...ownRoutes(rows),
        ...references.flatMap(({ field, parent }) => [
          ...childRoutes(rows, field, parent),
          parentRoute(rows, field, parent),
        ]),
      ];
    });
}

/** One entity's rows as the API reads and shows them. */
interface Rows {
  readonly entity: Entity;
  readonly store: EntityStore;
  /** `/services/{services}` */
  readonly path: string;
  show(row: Row): unknown;
  answer(status: number, row: Row | undefined): Answer;
  /** The input of a body; `stored` is the row that it changes. */
  input(body: Body, stored?: Row): Input;
}

function createRows(stores: Stores, entity: Entity, secrets: Secrets): Rows {
  const store = stores.named(entity.name);
  if (!store) throw new Error(`no store of ${entity.name}`);
  const show = (row: Row) => secrets.hide(entity, row);
  return {
    entity,
    store,
    path: `${collectionOf(entity)}/{${entity.name}}`,
    show,
    answer: (status, row) => (row ? json(status, show(row)) : notFound),
    input: ({ input, isForm }, stored) => {
      const typed = isForm ? inferInput(stores, entity, input, stored) : input;
      return secrets.keep(entity, typed, stored);
    },
  };
}

/** Types for a form's texts. A change that does not name the subschema is of the stored row's. */
function inferInput(stores: Stores, entity: Entity, input: Input, stored: Row | undefined): Input {
  const entityOf = (name: string) => stores.named(name)?.entity;
  const key = entity.subschemas?.key;
  if (key === undefined || !stored || Object.hasOwn(input, key)) return infer(entity, input, entityOf);
  const { [key]: _, ...typed } = infer(entity, { [key]: stored[key], ...input }, entityOf);
  return typed;
}

/** What a path's parameter names: a row's id, or the value of its endpoint key. */
export function keyOf(entity: Entity, text: string): Key {
  if (isUuid(text) || !entity.endpoint_key) return { id: text };
  return { [entity.endpoint_key]: text };
}

/**
 * The key of a row below its parent. An entity without endpoint key that is unique by parent and one field more, as an
 * acl is by consumer and group, is named by that field.
 */
function childKeyOf(entity: Entity, field: string, parentId: string, text: string): Key {
  const other = (entity.unique ?? []).find((tuple) => tuple.length === 2 && tuple.includes(field));
  const name = other?.find((member) => member !== field);
  if (isUuid(text) || entity.endpoint_key || !name) return keyOf(entity, text);
  return { [field]: { id: parentId }, [name]: text };
}

/** Members that only the stored row's subschema knows: a change is understood, and refused, with that row at hand. */
const needsStored = (entity: Entity): boolean =>
  Object.values(entity.fields).some((field) => field.type === "record" && field.abstract === true);

function ownRoutes(rows: Rows): Route[] {
  const { entity, store } = rows;
  const key = (call: Call) => keyOf(entity, firstParam(call));
  return [
    {
      path: collectionOf(entity),
      methods: {
        GET: async (call) => {
          const page = await store.page({ ...pageQuery(call), ...tagsQuery(call) });
          return pageAnswer({ ...page, data: page.data.map(rows.show) }, call, collectionOf(entity), ["tags", "size"]);
        },
        POST: async ({ body }) => rows.answer(201, await store.insert(rows.input(body))),
      },
    },
    {
      path: rows.path,
      methods: {
        GET: async (call) => rows.answer(200, await store.select(key(call))),
        PUT: async (call) => rows.answer(200, await store.upsert(key(call), rows.input(call.body))),
        PATCH: async (call) => {
          const stored = await store.select(key(call));
          if (!stored && needsStored(entity)) return notFound;
          return rows.answer(200, await store.update(key(call), rows.input(call.body, stored)));
        },
        DELETE: async (call) => {
          await store.delete(key(call));
          return noContent;
        },
      },
    },
  ];
}

/** `/services/{services}/routes` and its rows: those whose `field` refers to the parent. */
function childRoutes(rows: Rows, field: string, parent: Rows): Route[] {
  const { entity, store } = rows;
  const path = `${parent.path}/${nestedName(entity)}`;
  const parentOf = (call: Call) => parent.store.select(keyOf(parent.entity, firstParam(call)));
  const childKey = (call: Call, { id }: Row) => childKeyOf(entity, field, id, call.params[1] ?? "");
  const childOf = async (call: Call, above: Row): Promise<Row | undefined> => {
    const child = await store.select(childKey(call, above));
    return child && refersTo(child, field, above.id) ? child : undefined;
  };
  const inputOf = (body: Body, above: Row, stored?: Row) => ({
    ...rows.input(body, stored),
    [field]: { id: above.id },
  });
  return [
    {
      path,
      methods: {
        GET: async (call) => {
          const above = await parentOf(call);
          if (!above) return notFound;
          const page = await store.page({ ...pageQuery(call), foreign: { field, id: above.id } });
          const here = `${collectionOf(parent.entity)}/${above.id}/${nestedName(entity)}`;
          return pageAnswer({ ...page, data: page.data.map(rows.show) }, call, here, []);
        },
        POST: async (call) => {
          const above = await parentOf(call);
          return above ? rows.answer(201, await store.insert(inputOf(call.body, above))) : notFound;
        },
      },
    },
    {
      path: `${path}/{${entity.name}}`,
      methods: {
        GET: async (call) => {
          const above = await parentOf(call);
          return rows.answer(200, above && (await childOf(call, above)));
        },
        PUT: async (call) => {
          const above = await parentOf(call);
          if (!above) return notFound;
          return rows.answer(200, await store.upsert(childKey(call, above), inputOf(call.body, above)));
        },
        PATCH: async (call) => {
          const above = await parentOf(call);
          const child = above && (await childOf(call, above));
          if (!child) return notFound;
          return rows.answer(200, await store.update({ id: child.id }, inputOf(call.body, above, child)));
        },
        DELETE: async (call) => {
          const above = await parentOf(call);
          const child = above && (await childOf(call, above));
          if (!child) return notFound;
          await store.delete({ id: child.id });
          return noContent;
        },
      },
    },
  ];
}

/** `/routes/{routes}/service`: the row that `field` refers to. */
function parentRoute(rows: Rows, field: string, parent: Rows): Route {
  const childOf = (call: Call) => rows.store.select(keyOf(rows.entity, firstParam(call)));
  const parentOf = async (call: Call) => {
    const id = referenceOf(await childOf(call), field);
    return id === undefined ? undefined : parent.store.select({ id });
  };
  return {
    path: `${rows.path}/${field}`,
    methods: {
      GET: async (call) => parent.answer(200, await parentOf(call)),
      PUT: async (call) => {
        const child = await childOf(call);
        if (!child) return notFound;
        const id = referenceOf(child, field);
        if (id !== undefined) return parent.answer(200, await parent.store.upsert({ id }, parent.input(call.body)));
        const made = await parent.store.insert(parent.input(call.body));
        await rows.store.update({ id: child.id }, { [field]: { id: made.id } });
        return parent.answer(200, made);
      },
      PATCH: async (call) => {
        const stored = await parentOf(call);
        if (!stored) return notFound;
        return parent.answer(200, await parent.store.update({ id: stored.id }, parent.input(call.body, stored)));
      },
      DELETE: async (call) => ((await parentOf(call)) ? methodNotAllowed : notFound),
    },
  };
}

function referenceOf(row: Row | undefined, field: string): string | undefined {
  const reference = row?.[field] as { readonly id: string } | null | undefined;
  return reference?.id;
}

const refersTo = (row: Row, field: string, id: string): boolean => referenceOf(row, field) === id;
