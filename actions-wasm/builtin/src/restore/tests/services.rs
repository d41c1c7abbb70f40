//! Services: addresses and ports.

use lateen_action::json;

use super::*;

fn services(preserve: bool, archived: &Value) -> Box<Action> {
    let wishes = format!(r#"{{ "preserveNodePorts": {preserve} }}"#);
    let archived = archived.to_string();
    action(move |service| {
        let wishes = lateen_action::parse(&wishes)?;
        service::execute(service, &wishes, || Some(archived.clone()))
    })
}

#[test]
fn a_service_keeps_the_ports_that_somebody_chose() {
    let ports = json!([
        { "name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080 },
        { "port": 81, "protocol": "UDP", "nodePort": 30081 },
        { "port": 82, "protocol": "TCP" },
    ]);
    let kept = |http: bool, other: bool| {
        let mut kept = ports.clone();
        for (at, keep) in [http, other].into_iter().enumerate() {
            if !keep {
                kept[at].as_object_mut().expect("a port").remove("nodePort");
            }
        }
        kept
    };
    let service = |annotations: &Value, spec: &Value| json!({ "metadata": { "name": "s", "annotations": annotations }, "spec": spec });
    let record = |spec: Value| {
        let text = json!({ "spec": spec }).to_string();
        json!({ "kubectl.kubernetes.io/last-applied-configuration": text })
    };
    let managed_by = |fields: Value| json!({ "metadata": { "managedFields": [{ "manager": "x" }, { "fieldsV1": { "f:spec": fields } }] } });
    let nobody = json!({ "metadata": {} });
    let udp =
        managed_by(json!({ "f:ports": { "k:{\"port\":81,\"protocol\":\"UDP\"}": { "f:nodePort": {} } } }));
    let named =
        record(json!({ "ports": [{ "name": "http", "nodePort": "30080" }, { "port": 81, "nodePort": 0 }] }));
    let numbered = record(json!({ "ports": [{ "name": "http" }, { "port": 81, "nodePort": 30081 }] }));
    let node_port = json!({ "type": "NodePort", "ports": ports });
    let with = |http: bool, other: bool| json!({ "type": "NodePort", "ports": kept(http, other) });
    let balanced =
        json!({ "type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 31000 });
    let unbalanced = json!({ "type": "LoadBalancer", "externalTrafficPolicy": "Local" });
    let checked = record(json!({ "healthCheckNodePort": 31000 }));
    let managed = managed_by(json!({ "f:healthCheckNodePort": {} }));
    let none = json!({});
    check(vec![
        case(
            "addresses and given ports go",
            services(false, &nobody),
            service(&none, &json!({ "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": ports })),
            service(&none, &json!({ "ports": kept(false, false) })),
        ),
        untouched(
            "headless stays headless",
            services(false, &nobody),
            service(&none, &json!({ "clusterIP": "None", "clusterIPs": ["None"] })),
        ),
        case(
            "a named port that was applied stays, whoever else is said to manage one",
            services(false, &udp),
            service(&named, &node_port),
            service(&named, &with(true, false)),
        ),
        case(
            "a nameless port that was applied stays",
            services(false, &nobody),
            service(&numbered, &node_port),
            service(&numbered, &with(false, true)),
        ),
        case(
            "a port that a manager owns stays",
            services(false, &udp),
            service(&none, &node_port),
            service(&none, &with(false, true)),
        ),
        untouched("all stay where the Restore says so", services(true, &nobody), service(&none, &node_port)),
        untouched(
            "an external name has none",
            services(false, &nobody),
            service(&none, &json!({ "type": "ExternalName", "ports": ports })),
        ),
        case(
            "a given port for health checks goes",
            services(false, &nobody),
            service(&none, &balanced),
            service(&none, &unbalanced),
        ),
        untouched("one that was applied stays", services(false, &nobody), service(&checked, &balanced)),
        untouched("and one that a manager owns", services(false, &managed), service(&none, &balanced)),
    ]);
}

#[test]
fn a_record_that_nobody_can_read_matters_where_there_is_a_port_to_decide_about() {
    let service = |spec: Value| json!({ "metadata": { "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{" } }, "spec": spec });
    let ports = service(json!({ "ports": [{ "port": 80, "nodePort": 30080 }] }));
    let error = services(false, &json!({}))(&ports).expect_err("nobody knows");
    assert!(error.contains("last-applied-configuration is not readable"), "{error}");
    check(vec![
        untouched("kept all the same", services(true, &json!({})), ports.clone()),
        untouched(
            "nothing to decide",
            services(false, &json!({})),
            service(json!({ "ports": [{ "port": 80 }] })),
        ),
    ]);
}
