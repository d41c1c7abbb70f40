use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::kind::ObjectName;

fn policies(text: &str) -> Option<ResourcePolicies> {
    let text = format!("version: v1\nvolumePolicies: {text}");
    Some(ResourcePolicies::parse(&BTreeMap::from([("p".to_owned(), text)])).unwrap())
}

fn locations(names: &[(&str, &str)]) -> Vec<SnapshotLocation> {
    let locations = names.iter();
    locations
        .map(|(name, provider)| SnapshotLocation { name: (*name).into(), provider: (*provider).into() })
        .collect()
}

fn volume(source: Value) -> Volume {
    let mut item = json!({
        "metadata": {"name": "pv1", "labels": {"disk": "big"}},
        "spec": {"claimRef": {"namespace": "app", "name": "data"}, "persistentVolumeReclaimPolicy": "Retain"},
    });
    item["spec"].as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
    Volume::read(&item)
}

fn nfs() -> Volume {
    volume(json!({"nfs": {"server": "a", "path": "/x"}}))
}

fn ebs() -> Volume {
    volume(json!({"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"}}))
}

fn claim(volume: &str, phase: &str) -> Claim {
    Claim::read(&json!({
        "metadata": {"namespace": "app", "name": "data", "labels": {"keep": "no"}},
        "spec": {"volumeName": volume}, "status": {"phase": phase},
    }))
}

fn rules() -> VolumeRules {
    VolumeRules::default()
}

/// Decisions with a title each, for people.
struct Table(String);

impl Table {
    fn row(&mut self, title: &str, decision: &Decision) {
        self.0.push_str(&format!("## {title}\n"));
        let faults = decision.faults.iter().map(|fault| format!("error: {fault}\n"));
        let warnings = decision.warnings.iter().map(|text| format!("warning: {text}\n"));
        let skips = decision.skips.iter().map(|skip| {
            let Skip { volume, approach, reason } = skip;
            format!("skipped {volume:?}: {approach:?}: {reason}\n")
        });
        let lines: Vec<String> = faults.chain(warnings).chain(skips).collect();
        self.0.push_str(&if lines.is_empty() { "nothing\n".to_owned() } else { lines.concat() });
    }

    fn check(self, name: &str) {
        insta::with_settings!({snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/core"), prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(name, self.0);
        });
    }
}

#[test]
fn volumes_are_decided_as_velero_does_and_what_is_asked_for_is_a_fault() {
    let aws = locations(&[("cold", "azure"), ("default", "velero.io/aws"), ("late", "acme.example/disks")]);
    let skip = "[{conditions: {pvcLabels: {keep: 'no'}}, action: {type: skip}}]";
    let snapshot = "[{action: {type: snapshot}}]";
    let bound = claim("pv1", "Bound");
    let mut table = Table(String::new());
    let mut row = |title: &str, rules: VolumeRules, volume: &Volume, claim: Option<&Claim>, copied: bool| {
        table.row(title, &decide_volume(&rules, volume, claim, copied));
    };

    row("nothing is set and there is no location", rules(), &ebs(), None, false);
    row(
        "snapshotVolumes without a location",
        VolumeRules { snapshot_volumes: Some(true), ..rules() },
        &ebs(),
        None,
        false,
    );
    let no = VolumeRules { snapshot_volumes: Some(false), snapshot_locations: aws.clone(), ..rules() };
    row("no snapshots", no.clone(), &ebs(), None, false);
    let by_location = VolumeRules { snapshot_locations: aws.clone(), ..rules() };
    row("a location that applies", by_location.clone(), &ebs(), None, false);
    let asked = VolumeRules { snapshot_volumes: Some(true), ..by_location.clone() };
    row("a location that applies, and asked for", asked, &ebs(), None, false);
    row("its files are copied", by_location.clone(), &ebs(), None, true);
    row("a provider that nobody knows", by_location.clone(), &nfs(), None, false);
    let known = VolumeRules { snapshot_locations: locations(&[("default", "aws"), ("b", "gcp")]), ..rules() };
    row("providers that do not take such volumes", known.clone(), &nfs(), None, false);
    row("a disk in the tree", known, &volume(json!({"gcePersistentDisk": {"pdName": "d"}})), None, false);

    let wants = VolumeRules { policies: policies(snapshot), snapshot_volumes: Some(false), ..rules() };
    row("a policy wants a snapshot, without a location", wants.clone(), &nfs(), Some(&bound), true);
    let wants = VolumeRules { snapshot_locations: aws.clone(), ..wants };
    row("a policy wants a snapshot, with a location", wants.clone(), &ebs(), Some(&bound), false);
    for action in ["skip", "fs-backup", "custom"] {
        let text = format!("[{{conditions: {{csi: {{}}}}, action: {{type: {action}}}}}]");
        let ruled = VolumeRules { policies: policies(&text), ..by_location.clone() };
        row(&format!("a policy says {action}"), ruled, &ebs(), Some(&bound), false);
    }
    let by_claim = VolumeRules { policies: policies(skip), ..by_location.clone() };
    row("a policy skips by the claim", by_claim.clone(), &ebs(), Some(&bound), false);
    row("the claim is gone", by_claim, &ebs(), None, false);

    let csi = VolumeRules { csi: true, ..by_location.clone() };
    row("CSI: its claim decides", csi.clone(), &ebs(), Some(&bound), false);
    let unclaimed = Volume { claim: None, ..ebs() };
    row("CSI: unclaimed", csi.clone(), &unclaimed, None, false);
    row("CSI: unclaimed and a policy wants it", VolumeRules { csi: true, ..wants }, &unclaimed, None, false);
    row(
        "CSI: not of a driver",
        VolumeRules { snapshot_locations: vec![], ..csi.clone() },
        &nfs(),
        None,
        false,
    );
    let moved = VolumeRules { move_data: true, ..rules() };
    row("moved, of a driver, without CSI", moved.clone(), &ebs(), None, false);
    row("moved, not of a driver", moved.clone(), &nfs(), None, false);
    row(
        "moved, but no snapshots",
        VolumeRules { snapshot_volumes: Some(false), ..moved },
        &ebs(),
        None,
        false,
    );
    row("not even a volume", rules(), &Volume::read(&json!([])), None, false);
    table.check("volume-decisions");
}

#[test]
fn claims_are_decided_as_velero_does_and_what_is_asked_for_is_a_fault() {
    let csi = VolumeRules { csi: true, ..rules() };
    let bound = claim("pv1", "Bound");
    let mut table = Table(String::new());
    let mut row = |title: &str, rules: &VolumeRules, claim: &Claim, volume: Option<&Volume>, copied: bool| {
        table.row(title, &decide_claim(rules, claim, volume, copied));
    };
    row("without CSI", &rules(), &bound, Some(&ebs()), false);
    let skip = policies("[{conditions: {pvcLabels: {keep: 'no'}}, action: {type: skip}}]");
    row(
        "without CSI, a policy skips",
        &VolumeRules { policies: skip.clone(), ..rules() },
        &bound,
        Some(&nfs()),
        false,
    );
    row("a policy skips", &VolumeRules { policies: skip, ..csi.clone() }, &bound, Some(&ebs()), false);
    let copies = policies("[{conditions: {csi: {}}, action: {type: fs-backup}}]");
    row(
        "a policy copies files",
        &VolumeRules { policies: copies, ..csi.clone() },
        &bound,
        Some(&ebs()),
        false,
    );
    let snapshot = policies("[{conditions: {pvcPhase: [Bound]}, action: {type: snapshot}}]");
    let by_policy = VolumeRules { policies: snapshot, snapshot_volumes: Some(false), ..csi.clone() };
    row("a policy wants a snapshot", &by_policy, &bound, Some(&ebs()), true);
    row("nothing says no", &csi, &bound, Some(&ebs()), false);
    row("its files are copied", &csi, &bound, Some(&ebs()), true);
    row(
        "no snapshots",
        &VolumeRules { snapshot_volumes: Some(false), ..csi.clone() },
        &bound,
        Some(&ebs()),
        false,
    );
    row("data is moved", &VolumeRules { move_data: true, ..csi.clone() }, &bound, Some(&ebs()), false);
    row("not of a driver", &csi, &bound, Some(&nfs()), false);
    row("not bound yet", &csi, &claim("", "Pending"), None, false);
    row("bound in advance to what is not there", &csi, &claim("pv1", "Pending"), None, false);
    row("lost", &csi, &claim("pv1", "Lost"), None, false);
    let lost = policies("[{conditions: {pvcPhase: [Lost]}, action: {type: skip}}]");
    row(
        "lost, and a policy skips",
        &VolumeRules { policies: lost, ..csi },
        &claim("pv1", "Lost"),
        None,
        false,
    );
    table.check("claim-decisions");
}

/// A running pod with a volume of every sort, all mounted where not said otherwise.
fn pod(annotations: Value) -> Value {
    let volumes = json!([
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "host", "persistentVolumeClaim": {"claimName": "host"}},
        {"name": "raw", "persistentVolumeClaim": {"claimName": "raw"}},
        {"name": "cache", "emptyDir": {}},
        {"name": "idle", "emptyDir": {}},
        {"name": "node", "hostPath": {"path": "/"}},
        {"name": "keys", "secret": {"secretName": "s"}},
        {"name": "settings", "configMap": {"name": "c"}},
        {"name": "token", "projected": {}},
        {"name": "labels", "downwardAPI": {}},
        {"name": "default-token-x", "emptyDir": {}},
    ]);
    let mounts: Vec<Value> = volumes
        .as_array()
        .unwrap()
        .iter()
        .filter(|volume| !["raw", "idle"].contains(&volume["name"].as_str().unwrap()))
        .map(|volume| json!({"name": volume["name"], "mountPath": "/m"}))
        .collect();
    json!({
        "metadata": {"namespace": "app", "name": "web", "annotations": annotations},
        "spec": {
            "nodeName": "n1", "volumes": volumes,
            "initContainers": [{"volumeMounts": [{"name": "idle", "mountPath": "/m"}]}],
            "containers": [{"name": "side"}, {"volumeMounts": mounts, "volumeDevices": [{"name": "raw", "devicePath": "/dev/x"}]}],
        },
        "status": {"phase": "Running"},
    })
}

/// What is found for the claims of [`pod`].
fn found() -> BTreeMap<&'static str, Found> {
    let of = |name: &str, source| {
        let volume = Volume { name: format!("pv-{name}"), ..volume(source) };
        let claim = claim(&volume.name, "Bound");
        Found::Claim(Arc::new(claim), Some(Arc::new(volume)))
    };
    BTreeMap::from([
        ("data", of("data", json!({"nfs": {"server": "a", "path": "/x"}}))),
        ("host", of("host", json!({"hostPath": {"path": "/d"}}))),
        ("raw", of("raw", json!({"iscsi": {}}))),
    ])
}

#[test]
fn pods_are_decided_as_velero_does_and_what_is_asked_for_is_a_fault() {
    let opted_in = || pod(json!({"backup.velero.io/backup-volumes": "data,host,raw,cache,idle, cache,gone"}));
    let by_default = VolumeRules { copy_files_by_default: true, ..rules() };
    let mut table = Table(String::new());
    let mut row = |title: &str, rules: &VolumeRules, pod: &Value, found: BTreeMap<&str, Found>| {
        let PodDecision { decision, claims } = decide_pod(rules, Pod::new(pod), &found);
        let claims = claims.iter().map(|(claim, picked)| format!("{claim}={picked}"));
        table.row(&format!("{title}\n{}", claims.collect::<Vec<_>>().join(" ")), &decision);
    };
    row("nothing is asked for", &rules(), &pod(json!({})), BTreeMap::new());
    row("opted in", &rules(), &opted_in(), found());
    row("by default", &by_default, &pod(json!({})), found());
    let opted_out = pod(json!({"backup.velero.io/backup-volumes-excludes": "host,raw,cache,idle"}));
    row("by default, some opted out", &by_default, &opted_out, found());
    let excluded = VolumeRules { claims_excluded: true, ..by_default.clone() };
    row("claims are excluded", &excluded, &opted_out, BTreeMap::new());

    let text = "[{conditions: {nfs: {}}, action: {type: fs-backup}}, {conditions: {volumeTypes: [emptyDir]}, action: {type: skip}}]";
    let ruled = VolumeRules { policies: policies(text), ..rules() };
    row("a policy picks and skips", &ruled, &opted_in(), found());
    let phase =
        policies("[{conditions: {pvcPhase: [Bound], pvcLabels: {keep: 'no'}}, action: {type: fs-backup}}]");
    let mut unbound = found();
    unbound.insert("data", Found::Claim(Arc::new(claim("", "Pending")), None));
    row(
        "a policy picks by the claim",
        &VolumeRules { policies: phase.clone(), ..rules() },
        &pod(json!({})),
        unbound,
    );

    let mut lost = found();
    lost.insert("data", Found::Missing);
    lost.insert("raw", Found::Unknown("cannot read PersistentVolumeClaim app/raw: no".into()));
    row("claims that are not there", &VolumeRules { policies: phase, ..by_default }, &opted_out, lost);

    for (pointer, value) in [
        ("/status/phase", json!("Succeeded")),
        ("/spec/nodeName", json!("")),
        ("/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z")),
    ] {
        let mut idle = pod(json!({"backup.velero.io/backup-volumes": "data,cache"}));
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        idle.pointer_mut(parent).unwrap()[key] = value;
        row(&format!("not running: {pointer}"), &rules(), &idle, found());
    }
    row("not even a pod", &rules(), &json!({"spec": {"volumes": [7, {}]}}), BTreeMap::new());
    table.check("pod-decisions");
}

#[test]
fn only_what_a_decision_depends_on_is_looked_up() {
    let pod = pod(json!({"backup.velero.io/backup-volumes": "data,cache"}));
    let names =
        |rules: &VolumeRules| claims_of_interest(rules, Pod::new(&pod)).into_iter().collect::<Vec<_>>();
    assert_eq!(names(&rules()), ["data"]);
    assert_eq!(names(&VolumeRules { policies: policies("[]"), ..rules() }), ["data", "host", "raw"]);
    assert!(names(&VolumeRules { claims_excluded: true, ..rules() }).is_empty());
    assert_eq!(copied_claims(&rules(), Pod::new(&pod)).collect::<Vec<_>>(), ["data"]);

    let csi = VolumeRules { csi: true, ..rules() };
    let with_policies =
        VolumeRules { policies: policies("[{conditions: {csi: {}}, action: {type: skip}}]"), ..rules() };
    assert!(!needs_volume(&rules(), &claim("pv1", "Bound")));
    assert!(needs_volume(&csi, &claim("pv1", "Bound")));
    assert!(needs_volume(&with_policies, &claim("pv1", "Bound")));
    assert!(!needs_volume(&csi, &claim("", "Pending")));

    assert!(depends_on_pods(&rules(), &ebs().facts));
    assert!(!depends_on_pods(&VolumeRules { snapshot_volumes: Some(false), ..rules() }, &ebs().facts));
    assert!(!depends_on_pods(&with_policies, &ebs().facts));
    assert!(depends_on_pods(&with_policies, &nfs().facts));
    assert!(!depends_on_claim(&rules(), &ebs()));
    assert!(depends_on_claim(&with_policies, &ebs()));
    assert!(!depends_on_claim(&with_policies, &Volume { claim: None, ..ebs() }));
}

#[test]
fn a_claim_is_left_out_if_every_pod_that_uses_it_leaves_it_out() {
    let (shared, picked) = (ObjectName::new(Some("app"), "shared"), ObjectName::new(Some("app"), "picked"));
    for order in [["b", "a", "c"], ["c", "b", "a"]] {
        let mut users = ClaimUsers::default();
        for pod in order {
            users.left_out(shared.clone(), pod);
            if pod == "b" {
                users.picked(picked.clone());
            } else {
                users.left_out(picked.clone(), pod);
            }
        }
        assert_eq!(users.reason(&shared).unwrap(), "opted out due to annotation in pod a");
        assert_eq!(users.reason(&picked), None);
        assert_eq!(users.reason(&ObjectName::new(Some("other"), "shared")), None);
    }
}

#[test]
fn the_report_is_what_readers_know() {
    let mut skipped = SkippedVolumes::default();
    skipped.add("pv1", Approach::VolumeSnapshot, "earlier");
    skipped.add("pv1", Approach::VolumeSnapshot, skipped::reason::NOT_WANTED);
    skipped.add("pv1", Approach::PodVolume, "opted out due to annotation in pod user");
    skipped.add("", Approach::Any, "a claim without a volume");
    skipped.add_labelled("pv0");
    assert_eq!(
        skipped.summary(),
        r#"Summary for skipped PVs: [{"name":"pv0","reasons":[{"approach":"any","reason":"item has label velero.io/exclude-from-backup=true"}]},{"name":"pv1","reasons":[{"approach":"podvolume","reason":"opted out due to annotation in pod user"},{"approach":"volumeSnapshot","reason":"not satisfy the criteria for VolumePolicy or the legacy snapshot way"}]}]"#
    );
    assert_eq!(SkippedVolumes::default().summary(), "Summary for skipped PVs: []");

    let bare = Volume::read(
        &json!({"metadata": {"name": "pv2"}, "spec": {"persistentVolumeReclaimPolicy": "Delete"}}),
    );
    skipped.add("pv2", Approach::CsiSnapshot, skipped::reason::NOT_CSI);
    let seen = [nfs(), bare].map(|volume| (volume.name.clone(), VolumeInfo::of(&volume)));
    let infos = serde_json::to_value(volume_infos(&skipped, &BTreeMap::from(seen))).unwrap();
    assert_eq!(
        infos,
        json!([
            {
                "pvcName": "data", "pvcNamespace": "app", "pvName": "pv1",
                "snapshotDataMoved": false, "preserveLocalSnapshot": false, "skipped": true,
                "skippedReason": "podvolume: opted out due to annotation in pod user;volumeSnapshot: not satisfy the criteria for VolumePolicy or the legacy snapshot way;",
                "pvInfo": {"reclaimPolicy": "Retain", "labels": {"disk": "big"}},
            },
            {
                "pvName": "pv2",
                "snapshotDataMoved": false, "preserveLocalSnapshot": false, "skipped": true,
                "skippedReason": "csiSnapshot: skipped b/c it's not a CSI volume;",
                "pvInfo": {"reclaimPolicy": "Delete", "labels": null},
            },
        ])
    );
}
