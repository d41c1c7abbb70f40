(item) => {
  if (params.except.includes(item.type)) return item;
  const patterns = params.keys.map((pattern) => new RegExp(`^(?:${pattern})$`, "i"));
  const redacted = new Set();
  for (const field of ["data", "stringData"]) {
    for (const key of Object.keys(item[field] ?? {})) {
      if (patterns.some((pattern) => pattern.test(key))) {
        item[field][key] = "";
        redacted.add(key);
      }
    }
  }
  // What kubectl apply last sent has the values once more.
  const applied = "kubectl.kubernetes.io/last-applied-configuration";
  if (redacted.size > 0) {
    delete item.metadata.annotations?.[applied];
    log.info(`redacted ${[...redacted].join(", ")}`);
  }
  return item;
};
