use serde_json::{Value, json};

use super::*;

fn parse(text: &str) -> Result<ResourcePolicies, PolicyError> {
    ResourcePolicies::parse(&BTreeMap::from([("policies.yaml".to_owned(), text.to_owned())]))
}

/// Policies with one policy that has these conditions, in YAML's flow form.
fn with_conditions(conditions: &str) -> Result<ResourcePolicies, PolicyError> {
    parse(&format!("version: v1\nvolumePolicies:\n- conditions: {conditions}\n  action: {{type: skip}}\n"))
}

fn fits(conditions: &str, volume: &VolumeFacts) -> bool {
    with_conditions(conditions).unwrap().volume_action(volume).is_some()
}

fn nfs_volume() -> Value {
    json!({"spec": {"capacity": {"storage": "10Gi"}, "storageClassName": "slow", "nfs": {"server": "a", "path": "/x"}}})
}

fn csi_volume() -> Value {
    json!({"spec": {"capacity": {"storage": "100Gi"}, "storageClassName": "gp3",
        "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "v", "volumeAttributes": {"type": "gp3", "zone": "a"}}}})
}

fn claim() -> Value {
    json!({"metadata": {"labels": {"app": "shop", "keep": "true"}}, "status": {"phase": "Bound"}})
}

#[test]
fn every_condition_is_held_against_every_kind_of_volume() {
    let nfs = VolumeFacts::of_volume(&nfs_volume());
    let csi = VolumeFacts::of_volume(&csi_volume()).with_claim(&ClaimFacts::of(&claim()));
    let dir = VolumeFacts::of_source(&json!({"name": "d", "emptyDir": {}}));
    let pending =
        VolumeFacts::default().with_claim(&ClaimFacts::of(&json!({"status": {"phase": "Pending"}})));
    // Conditions, then whether the NFS volume, the CSI volume with a claim, the emptyDir and the claim without a volume fit.
    let cases = [
        ("{}", [true; 4]),
        ("{capacity: ''}", [true; 4]),
        ("{capacity: ','}", [true; 4]),
        ("{capacity: '10Gi,'}", [true, true, false, false]),
        ("{capacity: '10.1Gi,'}", [false, true, false, false]),
        ("{capacity: ',10Gi'}", [true, false, true, true]),
        ("{capacity: ' 1Gi , 10Gi '}", [true, false, false, false]),
        ("{capacity: '0,99Gi'}", [true, false, true, true]),
        ("{capacity: '10Gi,10Gi'}", [true, false, false, false]),
        ("{storageClass: []}", [true; 4]),
        ("{storageClass: [gp2, gp3]}", [false, true, false, false]),
        ("{storageClass: ['']}", [false; 4]),
        ("{nfs: {}}", [true, false, false, false]),
        ("{nfs: null}", [true, false, false, false]),
        ("{nfs: {server: a}}", [true, false, false, false]),
        ("{nfs: {server: a, path: /y}}", [false; 4]),
        ("{nfs: {path: /x}}", [true, false, false, false]),
        ("{csi: {}}", [false, true, false, false]),
        ("{csi: {driver: ebs.csi.aws.com}}", [false, true, false, false]),
        ("{csi: {driver: ebs}}", [false; 4]),
        ("{csi: {driver: ebs.csi.aws.com, volumeAttributes: {type: gp3}}}", [false, true, false, false]),
        ("{csi: {driver: ebs.csi.aws.com, volumeAttributes: {type: gp3, zone: b}}}", [false; 4]),
        ("{volumeTypes: [nfs, emptyDir]}", [true, false, true, false]),
        ("{volumeTypes: [unheard]}", [false; 4]),
        ("{pvcLabels: {}}", [true; 4]),
        ("{pvcLabels: {app: shop}}", [false, true, false, false]),
        ("{pvcLabels: {app: shop, keep: true}}", [false, true, false, false]),
        ("{pvcLabels: {app: other}}", [false; 4]),
        ("{pvcPhase: [Pending, Lost]}", [false, false, false, true]),
        ("{pvcPhase: [Bound], csi: {}}", [false, true, false, false]),
        ("{pvcPhase: [Bound], nfs: {}}", [false; 4]),
    ];
    for (conditions, expected) in cases {
        let found = [&nfs, &csi, &dir, &pending].map(|volume| fits(conditions, volume));
        assert_eq!(found, expected, "{conditions}");
    }
}

#[test]
fn types_are_named_after_their_source() {
    for (source, name) in [
        (json!({"hostPath": {"path": "/"}}), "hostPath"),
        (json!({"storageos": {}}), "storageOS"),
        (json!({"persistentVolumeClaim": {"claimName": "c"}}), ""),
        (json!({"csi": null, "local": {}}), "local"),
        (json!([]), ""),
    ] {
        assert_eq!(VolumeFacts::of_source(&source).volume_type, name, "{source}");
    }
    // A shape that no API server sends is read as nothing.
    assert_eq!(VolumeFacts::of_volume(&json!({"spec": {"capacity": 1, "nfs": "x"}})).nfs, None);
}

#[test]
fn the_first_policy_that_fits_decides() {
    let policies = parse(
        "version: v1\nvolumePolicies:\n- conditions: {nfs: {}}\n  action: {type: skip}\n- conditions: {storageClass: [gp3]}\n  action: {type: custom, parameters: {provider: acme, depth: 2}}\n- action: {type: fs-backup}\n",
    )
    .unwrap();
    let action = |volume: &Value| policies.volume_action(&VolumeFacts::of_volume(volume)).unwrap();
    assert_eq!(action(&nfs_volume()).kind, ActionType::Skip);
    assert_eq!(action(&csi_volume()).kind, ActionType::Custom);
    assert_eq!(action(&csi_volume()).parameters["provider"], "acme");
    assert_eq!(action(&json!({})).kind, ActionType::FsBackup);
    let none = parse("version: v1").unwrap();
    assert_eq!(none.volume_action(&VolumeFacts::default()), None);
}

#[test]
fn lists_of_kinds_are_read() {
    let policies =
        parse("version: v1\nincludeExcludePolicy:\n  includedClusterScopedResources: [storageclasses]\n  excludedNamespaceScopedResources: [secrets, events]\n").unwrap();
    let lists = policies.include_exclude().unwrap();
    assert_eq!(lists.included_cluster_scoped_resources, ["storageclasses"]);
    assert_eq!(lists.excluded_namespace_scoped_resources, ["secrets", "events"]);
    assert!(lists.excluded_cluster_scoped_resources.is_empty());
    assert_eq!(parse("version: v1").unwrap().include_exclude(), None);
}

#[test]
fn faults_are_told() {
    let refused = |text: &str| parse(text).unwrap_err().to_string();
    let mut told = String::new();
    for text in [
        "",
        "version: v2",
        "volumePolicies: []",
        "version: v1\nvolumePolicy: []",
        "version: v1\nvolumePolicies: [{action: {type: delete}}]",
        "version: v1\nvolumePolicies: [{conditions: {}}]",
        "version: v1\nvolumePolicies: [{action: {type: skip, when: now}}]",
        "version: v1\nvolumePolicies: [{conditions: {size: 1}, action: {type: skip}}]",
        "version: v1\nvolumePolicies: [{conditions: {nfs: {host: a}}, action: {type: skip}}]",
        "version: v1\nvolumePolicies: [{conditions: {csi: {volumeAttributes: {a: b}}}, action: {type: skip}}]",
        "version: v1\nvolumePolicies: [{conditions: {pvcLabels: app}, action: {type: skip}}]",
        "version: v1\nvolumePolicies: [{conditions: {pvcLabels: {a: [b]}}, action: {type: skip}}]",
        "version: v1\nvolumePolicies: [{conditions: {pvcLabels: {a: b, a: c}}, action: {type: skip}}]",
        "version: v1\nvolumePolicies: [{action: {type: skip}}, {conditions: {capacity: 10Gi}, action: {type: skip}}]",
        "version: v1\nvolumePolicies: [{conditions: {capacity: '1,2,3'}, action: {type: skip}}]",
        "version: v1\nvolumePolicies: [{conditions: {capacity: '1,ten'}, action: {type: skip}}]",
        "version: v1\nvolumePolicies: [{conditions: {capacity: '10Gi,1Gi'}, action: {type: skip}}]",
        "version: v1\nincludeExcludePolicy: {includedNamespaceScopedResources: ['*']}",
        "version: v1\nincludeExcludePolicy: {excludedClusterScopedResources: ['*']}",
        "version: v1\nincludeExcludePolicy: {includedNamespaceScopedResources: [pods], excludedNamespaceScopedResources: [pods]}",
        "version: v1\nincludeExcludePolicy: {includedResources: [pods]}",
        "version: v1\n---\nversion: v1",
        "a: &a [x]\n*a : 1",
    ] {
        told.push_str(&format!("{text:?}\n    {}\n", refused(text)));
    }
    insta::with_settings!({snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/core"), prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("policy-faults", told);
    });

    assert!(matches!(ResourcePolicies::parse(&BTreeMap::new()), Err(PolicyError::Keys(0))));
    let two = ["a", "b"].map(|key| (key.to_owned(), "version: v1".to_owned())).into();
    assert!(matches!(ResourcePolicies::parse(&two), Err(PolicyError::Keys(2))));
    assert!(matches!(parse(&" ".repeat(TEXT_LIMIT + 1)), Err(PolicyError::TooLarge)));
}

#[test]
fn aliases_do_not_blow_up() {
    let mut bomb = String::from(
        "version: v1\nvolumePolicies:\n- action: {type: custom, parameters: {a0: &a0 [x, x, x, x, x, x, x, x, x]",
    );
    for level in 1..12 {
        bomb.push_str(&format!(", a{level}: &a{level} [{}]", vec![format!("*a{}", level - 1); 9].join(", ")));
    }
    bomb.push_str("}}\n");
    assert!(matches!(parse(&bomb), Err(PolicyError::Shape(_))));
}
