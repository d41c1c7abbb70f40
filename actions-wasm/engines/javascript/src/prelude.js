// The globals of a script, made of the few plain functions of `host` that stand in bridge.rs.
// What belongs to one call is made when it is first asked for, and forgotten before the next.
(host) => {
  "use strict";
  const { parse, stringify } = JSON;
  let call = {};
  const once = (name, text) => {
    if (!(name in call)) {
      const json = text();
      call[name] = json === undefined ? null : parse(json);
    }
    return call[name];
  };
  const lazy = (name, text) =>
    Object.defineProperty(globalThis, name, { get: () => once(name, text), enumerable: true });
  const fixed = (name, value) =>
    Object.defineProperty(globalThis, name, { value: Object.freeze(value), enumerable: true });

  lazy("params", host.params);
  lazy("config", host.config);
  lazy("original", host.original);

  fixed("log", {
    debug: (message) => host.log("debug", String(message)),
    info: (message) => host.log("info", String(message)),
    warn: (message) => host.log("warn", String(message)),
  });

  fixed("skip", (reason) => host.skip(String(reason)));
  fixed("also", (resource, namespace, name) => {
    if (typeof resource !== "string" || typeof name !== "string") {
      throw new TypeError("also(resource, namespace, name) takes text, and null as namespace of a cluster-scoped object");
    }
    host.also(resource, namespace ?? "", name);
  });
  fixed("mustInclude", () => host.mustInclude());

  fixed("cluster", {
    get: (resource, namespace, name) => {
      const json = host.get(String(resource), namespace ?? "", String(name));
      return json === undefined ? null : parse(json);
    },
    list: (resource, namespace, { labels = "", fields = "" } = {}) =>
      host.list(String(resource), namespace ?? "", labels, fields).map((json) => parse(json)),
    create: (object) => parse(host.create(stringify(object))),
    patch: (resource, namespace, name, patch) =>
      parse(host.patch(String(resource), namespace ?? "", String(name), stringify(patch))),
    delete: (resource, namespace, name) => host.delete(String(resource), namespace ?? "", String(name)),
  });

  Math.random = host.random;

  // Begins a call; returns the second argument of the script.
  return (wantsRun) => {
    call = {};
    if (!wantsRun) return undefined;
    const run = parse(host.run());
    run.item = parse(host.item());
    return run;
  };
}
