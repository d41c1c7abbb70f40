use clap::{CommandFactory, FromArgMatches, Parser};

use super::*;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    restore: RestoreArgs,
}

fn parse(args: &[&str]) -> Result<Box<PlanArgs>, String> {
    let all = ["restore", "plan"].into_iter().chain(args.iter().copied());
    let cli = Cli::try_parse_from(all).map_err(|error| error.to_string())?;
    let Command::Plan(args) = cli.restore.command;
    Ok(args)
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
    assert!(Cli::from_arg_matches(&Cli::command().get_matches_from(["restore", "plan", "-f", "-"])).is_ok());
}

#[test]
fn flags_are_those_of_velero() {
    let args = parse(&[
        "trial",
        "--from-backup=shop",
        "--include-namespaces=a,b",
        "--namespace-mappings",
        "a:c,b:d",
        "--preserve-nodeports",
        "--restore-volumes=false",
        "--item-operation-timeout=2h",
        "-l",
        "app=web",
        "--wait",
    ])
    .unwrap();
    assert_eq!(args.name.as_deref(), Some("trial"));
    assert_eq!(args.spec.include_namespaces, ["a", "b"]);
    let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(args.spec.namespace_mappings, [pair("a", "c"), pair("b", "d")]);
    assert_eq!((args.spec.preserve_nodeports, args.spec.restore_volumes), (Some(true), Some(false)));
    // A value of a flag that may stand alone needs its equals sign: this is the name of the restore.
    let args = parse(&["--preserve-nodeports", "trial", "--from-backup=shop"]).unwrap();
    assert_eq!(args.name.as_deref(), Some("trial"));
}

#[test]
fn nonsense_is_refused() {
    for (bad, told) in [
        (&["--from-backups=a"][..], "unexpected argument '--from-backups'"),
        (&["--namespace-mappings=a"], "two namespaces like shop:shop-copy"),
        (&["-f", "restore.yaml", "--from-backup=a"], "cannot be used with"),
        (&["--from-backup=a", "--item-operation-timeout=soon"], "invalid value 'soon'"),
        (&["--from-backup=a", "--width=3"], "must be 40 to 1000"),
    ] {
        let error = parse(bad).unwrap_err();
        assert!(error.contains(told), "{error}");
    }
}
