//! `lateen actions list`: the actions of a cluster, and what its server makes of them.
//!
//! Two views become one. The server tells which actions it calls, its own among them, in what order, and what that has cost; an annotation on each ConfigMap
//! tells what became of it, also where that is nothing. What neither has told is shown as `-`.

mod question;
mod row;

use lateen_cluster::{
    client::{ClientOptions, connect},
    configmap,
};

use crate::{
    KitError, Paint, Screen, Verdict,
    args::{ListArgs, ListOutput},
    screen::line,
};
use row::Row;

/// Actions, without what holds only a piece of one.
const SELECTOR: &str = "lateen.dev/item-action,!lateen.dev/item-action-chunk";

/// Carries out the command.
pub(crate) async fn list(args: &ListArgs, screen: &mut Screen<'_>) -> Result<Verdict, KitError> {
    let client = connect(args.kubeconfig.as_deref(), &ClientOptions::default()).await?;
    let configmaps = configmap::list(&client, &args.namespace, SELECTOR).await?;
    let answer = question::ask(&client, &args.namespace).await;
    let rows = row::merged(&configmaps, answer.as_deref().ok());
    match args.output {
        ListOutput::Json => {
            let text = serde_json::to_string_pretty(&rows)
                .map_err(|error| KitError::Content(format!("cannot write the list: {error}")))?;
            screen.say(&text)?;
        }
        ListOutput::Table if rows.is_empty() => {
            screen.remark(&format!("no item actions in namespace {}", line(&args.namespace)))?;
        }
        ListOutput::Table => screen.say(&table(&rows, screen.paint))?,
    }
    if let Err(reason) = answer {
        let shown =
            "shown is what a server wrote on the ConfigMaps, without built-in actions and without calls";
        let text = format!("{} {}; {shown}", screen.paint.yellow("note"), line(&reason.to_string()));
        screen.remark(&text)?;
    }
    Ok(Verdict::Good)
}

/// Columns as wide as they have to be; what there is to say about an action that cannot be used stands below it.
fn table(rows: &[Row], paint: Paint) -> String {
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    let heads = row::HEADS.map(str::to_owned);
    let width = |column: usize| {
        cells.iter().chain([&heads]).map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let row = |cells: &[String]| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut text = format!("{}\n", paint.bold(&row(&heads)));
    for (cells, action) in cells.iter().zip(rows) {
        text += &format!("{}\n", row(cells));
        if let Some(remark) = action.remark() {
            text += &format!("  {}\n", paint.yellow(&line(remark)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use lateen_api::{item_actions::ItemActionEntry, labels::annotations::ITEM_ACTION_STATUS};
    use serde_json::json;

    use super::*;

    fn configmap(name: &str, manifest: &str, status: &str) -> ConfigMap {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "velero", "annotations": {ITEM_ACTION_STATUS: status}},
            "data": {"action.yaml": manifest}
        }))
        .unwrap()
    }

    fn configmaps() -> [ConfigMap; 4] {
        let status = |state: &str, message: &str| json!({"state": state, "message": message}).to_string();
        let digest = format!("sha256:{}", "ab".repeat(32));
        let loaded = json!({"state": "Loaded", "message": "item action demo.example/stamp is loaded", "digest": digest, "new": 1});
        [
            configmap("stamp", "name: demo.example/stamp\non: [backup, restore]", &loaded.to_string()),
            configmap(
                "big",
                "name: demo.example/big\non: [restore]",
                &status("Refused", "component: cannot\nunpack"),
            ),
            configmap(
                "off",
                "name: lateen.dev/pod\non: [backup]\ndisabled: true",
                &status("SwitchedOff", ""),
            ),
            configmap("odd", "name: [", "not JSON"),
        ]
    }

    fn entry(name: &str, source: &str, calls: u64) -> ItemActionEntry {
        ItemActionEntry {
            name: name.into(),
            on: vec!["backup".into()],
            source: source.into(),
            built_in: source == "built-in",
            calls,
            seconds: 0.000_15 * calls as f64,
            ..ItemActionEntry::default()
        }
    }

    fn snapshot(name: &str, rows: &[Row]) {
        insta::with_settings!({
            snapshot_path => "../../../snapshots/kit", prepend_module_to_snapshot => false, omit_expression => true,
        }, {
            insta::assert_snapshot!(name, table(rows, Paint(false)));
        });
    }

    #[test]
    fn without_an_answer_there_are_the_configmaps() {
        snapshot("list-unanswered", &row::merged(&configmaps(), None));
    }

    #[test]
    fn an_answer_brings_built_ins_and_numbers_in_the_order_of_calls() {
        let broken = ItemActionEntry {
            problem: Some("component: cannot unpack".into()),
            ..entry("demo.example/big", "velero/big", 3)
        };
        let failing = ItemActionEntry { failures: 2, ..entry("demo.example/stamp", "velero/stamp", 12) };
        let gone = entry("demo.example/gone", "velero/gone", 0);
        let answer = [entry("lateen.dev/service", "built-in", 40_000), failing, broken, gone];
        snapshot("list", &row::merged(&configmaps(), Some(&answer)));
    }
}
