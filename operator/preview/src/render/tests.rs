use std::collections::BTreeMap;

use lateen_core::kind::{GroupResource, ObjectName};
use lateen_core::restore::preview::{
    Counts, Difference, HookPreview, KindPreview, LeftOutPreview, Message, MissingRight, ObjectPreview,
    Remark,
};
use lateen_core::results::Results;
use serde_json::json;

use super::*;

fn object(namespace: Option<&str>, name: &str, fate: Fate) -> ObjectPreview {
    ObjectPreview {
        namespace: namespace.map(str::to_owned),
        name: name.into(),
        from: None,
        fate,
        reason: None,
        unverified: None,
        messages: Vec::new(),
        difference: None,
        hooks: Vec::new(),
    }
}

fn kind(resource: &str, objects: Vec<ObjectPreview>) -> KindPreview {
    let mut fates: BTreeMap<Fate, u64> = BTreeMap::new();
    for object in &objects {
        *fates.entry(object.fate).or_default() += 1;
    }
    let of = |fate| fates.get(&fate).copied().unwrap_or_default();
    let counts = Counts {
        create: of(Fate::Create),
        update: of(Fate::Update),
        unchanged: of(Fate::Unchanged),
        differs: of(Fate::Differs),
        skip: of(Fate::Skip),
        refuse: of(Fate::Refuse),
        unknown: of(Fate::Unknown),
        unverified: objects.iter().filter(|object| object.unverified.is_some()).count() as u64,
    };
    KindPreview { resource: GroupResource::parse(resource), pending: false, counts, objects }
}

fn sum(kinds: &[KindPreview]) -> Counts {
    kinds.iter().map(|kind| kind.counts).fold(Counts::default(), |sum, counts| Counts {
        create: sum.create + counts.create,
        update: sum.update + counts.update,
        unchanged: sum.unchanged + counts.unchanged,
        differs: sum.differs + counts.differs,
        skip: sum.skip + counts.skip,
        refuse: sum.refuse + counts.refuse,
        unknown: sum.unknown + counts.unknown,
        unverified: sum.unverified + counts.unverified,
    })
}

fn left_out(resource: &str, objects: u64, reason: &str, error: bool) -> LeftOutPreview {
    let resource = GroupResource::parse(resource);
    LeftOutPreview { resource, namespace: None, name: None, objects, reason: reason.into(), error }
}

fn namespace(name: &str, from: Option<&str>, fate: NamespaceFate) -> NamespacePreview {
    let from = from.map(str::to_owned);
    NamespacePreview { name: name.into(), from, fate, in_backup: true, reason: None }
}

fn of(kinds: Vec<KindPreview>, verdict: Verdict) -> Preview {
    Preview {
        api_version: Preview::API_VERSION,
        kind: Preview::KIND,
        verdict,
        backup: BackupSummary {
            name: "shop".into(),
            phase: "Completed".into(),
            location: "default".into(),
            started: "2026-03-01T10:00:00Z".into(),
            schedule: "nightly".into(),
        },
        existing_resource_policy: "none",
        totals: sum(&kinds),
        namespaces: Vec::new(),
        kinds,
        left_out: Vec::new(),
        missing_rights: Vec::new(),
        breaks_off: None,
        results: Results::default(),
        others: Vec::new(),
    }
}

/// Something of everything.
fn mixed() -> Preview {
    let shop = Some("shop");
    let deployment = |replicas: i32, image: &str| {
        let containers = json!([{"name": "web", "image": image}]);
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": containers}}},
        })
    };
    let settings =
        |color: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"color": color, "size": "3"}});
    let secret =
        |key: &str| json!({"apiVersion": "v1", "kind": "Secret", "data": {"key": key, "user": "YQ=="}});
    let not_served = Some("widgets.example.com is only served once its definition is restored".to_owned());
    let hook = HookPreview {
        name: "warm-up".into(),
        container: String::new(),
        command: ["/bin/sh", "-c", "curl -s localhost/warm"].map(str::to_owned).to_vec(),
    };
    let refused = "Service \"web\" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated";
    let mut kinds = vec![
        kind(
            "customresourcedefinitions.apiextensions.k8s.io",
            vec![object(None, "widgets.example.com", Fate::Create)],
        ),
        kind("configmaps", {
            let mut many: Vec<_> =
                (0..30).map(|n| object(shop, &format!("page-{n:02}"), Fate::Create)).collect();
            let difference = Difference::between(&settings("green"), &settings("blue"));
            many.push(ObjectPreview { difference, ..object(shop, "settings", Fate::Differs) });
            many.push(object(shop, "kube-root-ca.crt", Fate::Unchanged));
            many
        }),
        kind(
            "secrets",
            vec![
                ObjectPreview {
                    difference: Difference::between(&secret("b2xk"), &secret("bmV3")),
                    ..object(shop, "\u{1b}[2Jtoken", Fate::Differs)
                },
                ObjectPreview {
                    reason: Some("a service account's token is made anew".into()),
                    ..object(shop, "default-token", Fate::Skip)
                },
            ],
        ),
        kind(
            "services",
            vec![ObjectPreview { reason: Some(refused.into()), ..object(shop, "web", Fate::Refuse) }],
        ),
        kind(
            "pods",
            vec![
                ObjectPreview { hooks: vec![hook], ..object(shop, "web-0", Fate::Create) },
                ObjectPreview {
                    reason: Some("it is completed".into()),
                    ..object(shop, "migrate-x7", Fate::Skip)
                },
                ObjectPreview {
                    reason: Some("it is completed".into()),
                    ..object(shop, "migrate-y8", Fate::Skip)
                },
            ],
        ),
        kind(
            "deployments.apps",
            vec![ObjectPreview {
                difference: Difference::between(&deployment(1, "web:2"), &deployment(3, "web:1")),
                ..object(shop, "web", Fate::Update)
            }],
        ),
        kind(
            "widgets.example.com",
            vec![
                ObjectPreview {
                    unverified: not_served.clone(),
                    from: Some(ObjectName::new(Some("tools"), "a")),
                    ..object(Some("tools-copy"), "a", Fate::Create)
                },
                ObjectPreview { unverified: not_served, ..object(Some("tools-copy"), "b", Fate::Create) },
            ],
        ),
    ];
    kinds[6].pending = true;
    let mut preview = of(kinds, Verdict::WouldFail);
    preview.namespaces = vec![
        namespace("shop", None, NamespaceFate::Exists),
        namespace("tools-copy", Some("tools"), NamespaceFate::Create),
    ];
    preview.left_out = vec![
        left_out("events", 40, "the kind is never restored", false),
        left_out("nodes", 3, "the kind is never restored", false),
        left_out(
            "clusterroles.rbac.authorization.k8s.io",
            2,
            "cluster-scoped objects are not part of the restore",
            false,
        ),
        left_out(
            "gadgets.example.com",
            1,
            "the cluster does not serve this kind, and no definition of it is restored",
            true,
        ),
    ];
    preview.others = vec![Remark {
        namespace: Some("shop".into()),
        message: Message::warning(
            "unable to restore additional item persistentvolumes pv-1: it is not in the backup",
        ),
    }];
    preview
}

fn snapshot(name: &str, preview: &Preview, view: View) {
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/preview"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, text(preview, view));
    });
}

const PLAIN: View = View { paint: Paint(false), width: 100, details: false, diff: false };

#[test]
fn a_preview_shows_what_deserves_a_look() {
    snapshot("mixed", &mixed(), PLAIN);
}

#[test]
fn on_a_narrow_screen_with_everything() {
    snapshot("mixed-in-full", &mixed(), View { width: 70, details: true, diff: true, ..PLAIN });
}

#[test]
fn a_restore_without_surprises_is_short() {
    let mut preview = of(vec![kind("pods", vec![object(Some("a"), "b", Fate::Create)])], Verdict::Good);
    preview.existing_resource_policy = "update";
    preview.backup.schedule.clear();
    snapshot("plain", &preview, PLAIN);
    snapshot("empty", &of(Vec::new(), Verdict::Good), PLAIN);
}

#[test]
fn what_may_not_be_asked_is_said() {
    let unverified = Some("you may not create configmaps in a".to_owned());
    let objects = vec![
        ObjectPreview { unverified, ..object(Some("a"), "b", Fate::Create) },
        ObjectPreview {
            unverified: Some("you may not get configmaps in c".into()),
            ..object(Some("c"), "d", Fate::Unknown)
        },
    ];
    let mut preview = of(vec![kind("configmaps", objects)], Verdict::Incomplete);
    let right = |verb, namespace: &str| MissingRight {
        verb,
        resource: GroupResource::parse("configmaps"),
        namespace: Some(namespace.into()),
        objects: 1,
    };
    preview.missing_rights = vec![right("create", "a"), right("get", "c")];
    preview.breaks_off =
        Some("action a.example/b failed on configmaps/a/b and its failure policy ends the run: no".into());
    snapshot("rights", &preview, PLAIN);
}

#[test]
fn colours_are_where_they_help() {
    let preview = of(vec![kind("pods", vec![object(Some("a"), "b", Fate::Create)])], Verdict::Good);
    let painted = text(&preview, View { paint: Paint(true), ..PLAIN });
    assert!(painted.contains("\u{1b}[32m"), "{painted:?}");
    let plain: String = painted
        .split('\u{1b}')
        .map(|part| {
            part.split_once('m').filter(|(code, _)| code.starts_with('[')).map_or(part, |(_, rest)| rest)
        })
        .collect();
    assert_eq!(plain, text(&preview, PLAIN));
}
