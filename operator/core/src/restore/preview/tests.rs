use std::collections::BTreeMap;

use lateen_api::GoDuration;
use lateen_api::v1::{BackupStorageLocation, BackupStorageLocationPhase, Restore};
use serde_json::json;

use super::*;
use crate::archive::index::{ArchiveIndex, EntryType, IndexBuilder, Verdict as Kept};
use crate::archive::limits::Limits;
use crate::catalog::Catalog;
use crate::catalog::tests::served;
use crate::journal::{Entry, Journal, Level, Sink};
use crate::kind::ObjectName;
use crate::restore::existing::ExistingPolicy;
use crate::restore::plan::{self, PlannedItem, RestorePlan};
use crate::restore::request::{Defaults, Observed, prepare};
use crate::restore::versions::VersionChoice;
use crate::results::Place as Where;
use crate::selector::Selection;

fn index(paths: &[&str]) -> ArchiveIndex {
    let mut builder = IndexBuilder::new(Selection::All, Limits::default());
    for path in paths {
        let name = path.rsplit('/').next().unwrap();
        let bytes = json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": name}}).to_string();
        let path = format!("resources/{path}.json");
        let entry = builder.entry(path.as_bytes(), bytes.len() as u64, EntryType::File).unwrap();
        let Kept::Keep(item) = entry else { panic!("{path} is no item") };
        builder.keep(item, bytes.as_bytes()).unwrap();
    }
    builder.finish()
}

fn plan_of(paths: &[&str], mapping: &[(&str, &str)]) -> RestorePlan {
    let index = index(paths);
    let kinds = ["configmaps", "secrets", "pods"].map(|plural| served(plural, "v1", "A", true));
    let catalog = Catalog::new(kinds, BTreeMap::new());
    let mut restore = Restore::default();
    restore.spec.backup_name = "shop".into();
    restore.spec.namespace_mapping =
        mapping.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    let mut location = BackupStorageLocation::default();
    location.metadata.name = Some("default".into());
    location.status.get_or_insert_default().phase = Some(BackupStorageLocationPhase::Available);
    let mut backup = lateen_api::v1::Backup::default();
    backup.metadata.name = Some("shop".into());
    backup.spec.storage_location = "default".into();
    let observed = Observed { backups: vec![backup], locations: vec![location], ..Observed::default() };
    let defaults =
        Defaults { item_operation_timeout: GoDuration::ZERO, priorities: "".parse().unwrap_or_default() };
    let request = prepare(&mut restore, &observed, &defaults, jiff::Timestamp::UNIX_EPOCH).unwrap();
    plan::plan(&index, &catalog, &request, &VersionChoice::default()).unwrap()
}

fn items(plan: &RestorePlan) -> Vec<PlannedItem> {
    plan.tiers.iter().flat_map(crate::restore::plan::Tier::items).collect()
}

fn place(item: &PlannedItem, fate: Fate) -> Place {
    Place {
        object: ObjectName::new(item.target_namespace.as_deref(), &item.source.name),
        fate,
        reason: None,
        unverified: None,
        message: None,
        difference: None,
        hooks: Vec::new(),
    }
}

fn findings() -> Findings {
    Findings {
        backup: BackupSummary::default(),
        policy: ExistingPolicy::None,
        namespaces: Vec::new(),
        lines: ItemLines::new(),
        results: Results::default(),
        broke_off: None,
    }
}

fn preview_of(gathering: Gathering, plan: &RestorePlan, lines: &SharedLines, journal: &Journal) -> Preview {
    gathering.preview(plan, Findings { lines: lines.take(), results: journal.results(), ..findings() })
}

#[test]
fn every_object_of_the_plan_has_a_fate() {
    let paths = [
        "configmaps/namespaces/app/a",
        "configmaps/namespaces/app/b",
        "configmaps/namespaces/app/d",
        "secrets/namespaces/app/c",
    ];
    let plan = plan_of(&paths, &[("app", "copy")]);
    let (lines, mut gathering) = (SharedLines::default(), Gathering::default());
    let journal = Journal::new(lines.clone());
    let a = items(&plan).remove(0);
    gathering.place(&a, place(&a, Fate::Create));
    journal.write(Entry::info("Not restored: a rule").about("configmaps", Some("copy"), "b"));
    journal.write(
        Entry::info("Restored 2 items").about("configmaps", Some("copy"), "b").with("action", "skipped"),
    );
    journal.result(Level::Error, &Where::of(Some("copy")), "error preparing secrets/copy/c: broken");
    journal.result(Level::Warning, &Where::Run, "odd");
    let undecoded = "error decoding configmaps app/d for restore: no JSON";
    journal.result(Level::Error, &Where::of(Some("copy")), undecoded);
    let told = "could not restore, A \"a\" already exists";
    journal.result(Level::Warning, &Where::of(Some("copy")), told);
    gathering.place(&a, Place { message: Some(Message::warning(told)), ..place(&a, Fate::Differs) });

    let preview = preview_of(gathering, &plan, &lines, &journal);
    let fates: Vec<_> = preview.objects().map(|(_, object)| (object.name.as_str(), object.fate)).collect();
    assert_eq!(fates, [("a", Fate::Differs), ("b", Fate::Skip), ("d", Fate::Refuse), ("c", Fate::Refuse)]);
    assert_eq!((preview.totals.total(), preview.totals.refuse, preview.verdict), (4, 2, Verdict::WouldFail));
    let objects: Vec<&ObjectPreview> = preview.objects().map(|(_, object)| object).collect();
    assert_eq!(objects[1].reason.as_deref(), Some("a rule"));
    assert_eq!(objects[2].reason.as_deref(), Some(undecoded));
    assert_eq!(objects[3].reason.as_deref(), Some("error preparing secrets/copy/c: broken"));
    assert_eq!(objects[0].messages, [Message::warning(told)]);
    assert_eq!(objects[0].from, Some(ObjectName::new(Some("app"), "a")));
    let odd = Remark { namespace: None, message: Message::warning("odd") };
    assert_eq!(preview.others, [odd]);
}

#[test]
fn what_cannot_be_asked_is_no_failure_and_not_good_either() {
    let plan = plan_of(&["pods/namespaces/app/web"], &[]);
    let item = items(&plan).remove(0);
    let whole = |with: &dyn Fn(&mut Gathering)| {
        let (lines, mut gathering) = (SharedLines::default(), Gathering::default());
        gathering.place(&item, Place { unverified: Some("not yet".into()), ..place(&item, Fate::Create) });
        with(&mut gathering);
        preview_of(gathering, &plan, &lines, &Journal::new(lines.clone()))
    };
    let good = whole(&|_| {});
    assert_eq!((good.verdict, good.totals.unverified), (Verdict::Good, 1));
    assert_eq!(good.unverified(), BTreeMap::from([("not yet", 1)]));
    let lacking = whole(&|gathering| {
        gathering.lacks("create", &item.kind, Some("app"));
        gathering.lacks("create", &item.kind, Some("app"));
    });
    assert_eq!(lacking.verdict, Verdict::Incomplete);
    assert_eq!(lacking.missing_rights[0].objects, 2);
}

#[test]
fn a_restore_that_breaks_off_leaves_the_rest_unknown() {
    let plan = plan_of(&["pods/namespaces/app/web"], &[]);
    let broke_off = Some("action a failed".to_owned());
    let findings = Findings { policy: ExistingPolicy::Update, broke_off, ..findings() };
    let preview = Gathering::default().preview(&plan, findings);
    assert_eq!((preview.verdict, preview.totals.unknown), (Verdict::WouldFail, 1));
    assert_eq!(preview.existing_resource_policy, "update");
}

#[test]
fn differences_name_their_fields_and_no_values_of_secrets() {
    let object = |kind: &str, value: &str| {
        json!({
            "apiVersion": "v1", "kind": kind, "data": {"key": value},
            "metadata": {"labels": {"app.kubernetes.io/name": value}}, "spec": {"ports": [value]},
        })
    };
    let difference = Difference::between(&object("Secret", "old"), &object("Secret", "new")).unwrap();
    assert_eq!(difference.fields(), ["data.key", "metadata.labels[app.kubernetes.io/name]", "spec.ports"]);
    assert_eq!(difference.patch["data"]["key"], "*** (after)");
    assert_eq!(difference.before.unwrap()["data"]["key"], "*** (before)");
    assert_eq!(Difference::between(&object("A", "same"), &object("A", "same")), None);
}

#[test]
fn lines_about_one_item_are_bounded() {
    let mut lines = SharedLines::default();
    for number in 0..100 {
        lines.line(&Entry::info(number.to_string()).about("pods", None, "a"));
    }
    assert_eq!(lines.take().values().next().unwrap().len(), 8);
    assert!(lines.take().is_empty());
}

#[test]
fn the_document_has_names_that_stay() {
    let plan = plan_of(&["configmaps/namespaces/app/a"], &[("app", "copy")]);
    let item = items(&plan).remove(0);
    let mut gathering = Gathering::default();
    let difference = Difference::between(&json!({"data": {"a": "1"}}), &json!({"data": {"a": "2"}}));
    let hook = HookPreview { name: "h".into(), container: "web".into(), command: vec!["true".into()] };
    let told = Place {
        reason: Some("why".into()),
        unverified: Some("not yet".into()),
        message: Some(Message::error("message")),
        difference,
        hooks: vec![hook],
        ..place(&item, Fate::Update)
    };
    gathering.place(&item, told);
    gathering.lacks("create", &item.kind, Some("app"));
    let namespace = NamespacePreview {
        name: "copy".into(),
        from: Some("app".into()),
        fate: NamespaceFate::Create,
        in_backup: false,
        reason: None,
    };
    let backup = BackupSummary { name: "shop".into(), phase: "Completed".into(), ..BackupSummary::default() };
    let namespaces = vec![namespace];
    let findings = Findings { backup, policy: ExistingPolicy::Update, namespaces, ..findings() };
    let preview = gathering.preview(&plan, findings);
    insta::with_settings!({snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/core"), prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_json_snapshot!("restore-preview", preview);
    });
}
