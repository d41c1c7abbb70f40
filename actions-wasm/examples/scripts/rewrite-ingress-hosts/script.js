const DNS_NAME = 253;

// "www.example.com" under { "example.com": "staging.example.com" } is "www.staging.example.com".
const rewritten = (host) => {
  const fits = (domain) => host === domain || host.endsWith("." + domain);
  const domain = Object.keys(params.domains).filter(fits).sort((a, b) => b.length - a.length)[0];
  if (domain === undefined) {
    log.warn(`host ${host} is of no known domain and stays`);
    return host;
  }
  const renamed = host.slice(0, host.length - domain.length) + params.domains[domain];
  if (renamed.length > DNS_NAME) {
    throw new Error(`${renamed} is too long for a host name`);
  }
  return renamed;
};

(item) => {
  for (const rule of item.spec.rules ?? []) {
    // A rule without a host is for all of them.
    if (rule.host) rule.host = rewritten(rule.host);
  }
  for (const tls of item.spec.tls ?? []) {
    tls.hosts = tls.hosts?.map(rewritten);
  }
  return item;
};
