//! `velero.io/service-account`: a service account brings the cluster-wide bindings that name it, and their roles. Its own RoleBindings live in namespaces
//! and are backed up with those.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use lateen_action::{NoParams, ObjectRef, Outcome};
use serde::Deserialize;

use crate::cluster::{Cluster, Host, Listing};

const GROUP: &str = "rbac.authorization.k8s.io";
const BINDINGS: &str = "clusterrolebindings";

/// A binding has a kilobyte or two.
const BINDINGS_PER_PAGE: u32 = 500;

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// What matters of a service account.
#[derive(Deserialize)]
pub(crate) struct ServiceAccount {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
}

/// Backed up with a service account.
pub(crate) fn backup(account: &ServiceAccount, _: &NoParams) -> Result<Outcome, String> {
    let related = KNOWN.with_borrow_mut(|known| known.related(account, &Host))?;
    Ok(Outcome::unchanged().with_related(related))
}

/// In one block with a service account.
pub(crate) fn related(account: &ServiceAccount, _: &NoParams) -> Result<Vec<ObjectRef>, String> {
    KNOWN.with_borrow_mut(|known| known.related(account, &Host))
}

/// What an instance remembers: the bindings by the service account that they name, listed once.
#[derive(Default)]
struct Known {
    bindings: Option<BTreeMap<(String, String), Vec<Granted>>>,
}

struct Granted {
    binding: String,
    role: Option<String>,
}

impl Known {
    /// The bindings in the order of the API server, then their roles by name, each once.
    fn related(
        &mut self,
        account: &ServiceAccount,
        cluster: &impl Cluster,
    ) -> Result<Vec<ObjectRef>, String> {
        let key = (account.metadata.namespace.clone(), account.metadata.name.clone());
        let granted = self.bindings(cluster)?.get(&key).map(Vec::as_slice).unwrap_or_default();
        let roles: BTreeSet<&str> = granted.iter().filter_map(|granted| granted.role.as_deref()).collect();
        let bindings = granted.iter().map(|granted| ObjectRef::new(GROUP, BINDINGS, None, &granted.binding));
        Ok(bindings
            .chain(roles.into_iter().map(|role| ObjectRef::new(GROUP, "clusterroles", None, role)))
            .collect())
    }

    fn bindings(
        &mut self,
        cluster: &impl Cluster,
    ) -> Result<&BTreeMap<(String, String), Vec<Granted>>, String> {
        if self.bindings.is_none() {
            // A cluster without RBAC has none, and asking for them would be an error.
            let listed: Vec<Binding> = if cluster.serves(GROUP, BINDINGS, None)? {
                cluster.list(Listing {
                    group: GROUP,
                    resource: BINDINGS,
                    page: BINDINGS_PER_PAGE,
                    ..Listing::default()
                })?
            } else {
                Vec::new()
            };
            self.bindings = Some(by_account(listed));
        }
        Ok(self.bindings.get_or_insert_default())
    }
}

fn by_account(bindings: Vec<Binding>) -> BTreeMap<(String, String), Vec<Granted>> {
    let mut accounts: BTreeMap<_, Vec<Granted>> = BTreeMap::new();
    for Binding { metadata, subjects, role_ref } in bindings {
        let role = (role_ref.kind == "ClusterRole").then_some(role_ref.name);
        let named: BTreeSet<_> = subjects
            .unwrap_or_default()
            .into_iter()
            .filter(|subject| subject.kind == "ServiceAccount")
            .map(|subject| (subject.namespace, subject.name))
            .collect();
        for account in named {
            let granted = Granted { binding: metadata.name.clone(), role: role.clone() };
            accounts.entry(account).or_default().push(granted);
        }
    }
    accounts
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Binding {
    metadata: Metadata,
    subjects: Option<Vec<Subject>>,
    role_ref: RoleRef,
}

#[derive(Deserialize)]
struct Subject {
    kind: String,
    name: String,
    #[serde(default)]
    namespace: String,
}

#[derive(Deserialize)]
struct RoleRef {
    kind: String,
    name: String,
}

#[cfg(test)]
mod tests {
    use lateen_action::{Value, json};

    use super::*;
    use crate::cluster::recorded::Recorded;

    fn binding(name: &str, role_kind: &str, role: &str, subjects: Value) -> Value {
        json!({
            "metadata": { "name": name },
            "subjects": subjects,
            "roleRef": { "apiGroup": GROUP, "kind": role_kind, "name": role },
        })
    }

    fn subject(kind: &str, namespace: &str, name: &str) -> Value {
        json!({ "kind": kind, "namespace": namespace, "name": name })
    }

    fn cluster() -> Recorded {
        let deployer = subject("ServiceAccount", "app", "deployer");
        let bindings = vec![
            binding("a", "ClusterRole", "view", json!([deployer, deployer])),
            binding("b", "ClusterRole", "edit", json!([subject("Group", "", "devs"), deployer])),
            binding("c", "ClusterRole", "view", json!([deployer])),
            binding("d", "Role", "local", json!([deployer])),
            binding("e", "ClusterRole", "admin", json!([subject("User", "app", "deployer")])),
            binding("f", "ClusterRole", "admin", json!([subject("ServiceAccount", "other", "deployer")])),
            binding("g", "ClusterRole", "nobody", Value::Null),
        ];
        Recorded { kinds: vec![(GROUP, "v1", BINDINGS, bindings)], ..Recorded::default() }
    }

    fn names(known: &mut Known, cluster: &Recorded, account: &str) -> Vec<String> {
        let account =
            ServiceAccount { metadata: Metadata { name: account.to_owned(), namespace: "app".to_owned() } };
        let related = known.related(&account, cluster).expect("the cluster answers");
        assert!(related.iter().all(|object| object.group == GROUP && object.namespace.is_none()));
        related.into_iter().map(|object| format!("{}/{}", object.resource, object.name)).collect()
    }

    #[test]
    fn bindings_that_name_it_come_first_and_then_their_roles() {
        let cluster = cluster();
        let mut known = Known::default();
        assert_eq!(
            names(&mut known, &cluster, "deployer"),
            [
                "clusterrolebindings/a",
                "clusterrolebindings/b",
                "clusterrolebindings/c",
                "clusterrolebindings/d",
                "clusterroles/edit",
                "clusterroles/view",
            ]
        );
        assert_eq!(names(&mut known, &cluster, "default"), Vec::<String>::new());
        assert_eq!(cluster.lists.get(), 1);
    }

    #[test]
    fn a_cluster_without_rbac_has_no_bindings() {
        let cluster = Recorded::default();
        assert_eq!(names(&mut Known::default(), &cluster, "deployer"), Vec::<String>::new());
        assert_eq!(cluster.lists.get(), 0);
    }
}
