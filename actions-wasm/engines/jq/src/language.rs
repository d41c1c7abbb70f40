//! jq as it is spoken here: which definitions and functions there are, and what is wrong with a script that does not compile.

use jaq_core::{
    Compiler, Filter,
    compile::Undefined,
    load::{self, Arena, File, Loader, lex, parse},
    native::Fun,
};
use lateen_engine_kit::{Position, located};

use crate::{call::Jq, functions};

/// Variables of every script, in the order in which their values are given.
pub(crate) const VARIABLES: [&str; 5] = ["$params", "$config", "$run", "$item", "$original"];

/// Functions and definitions of jaq's that reach out of the sandbox, end the process or depend on the machine. `now` and `debug` are the host's instead.
const ABSENT: [&str; 10] = [
    "env",
    "now",
    "halt",
    "halt_error",
    "stderr",
    "stderr_empty",
    "debug",
    "debug_empty",
    "localtime",
    "strflocaltime",
];

/// Compiles a script.
///
/// # Errors
/// All that is wrong, a line each, with its place.
pub(crate) fn compile(name: &str, text: &str) -> Result<Filter<Jq>, String> {
    let definitions = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs())
        .filter(|definition| !ABSENT.contains(&definition.name));
    let arena = Arena::default();
    let modules = Loader::new(definitions)
        .load(&arena, File { code: text, path: () })
        .map_err(|errors| report(name, text, errors, describe_load))?;
    Compiler::default()
        .with_funs(native())
        .with_global_vars(VARIABLES)
        .compile(modules)
        .map_err(|errors| report(name, text, errors, describe_compile))
}

fn native() -> impl Iterator<Item = Fun<Jq>> {
    let theirs = jaq_core::funs::<Jq>().chain(jaq_std::funs()).chain(jaq_json::funs());
    theirs.filter(|(name, ..)| !ABSENT.contains(name)).chain(functions::all())
}

/// A place in the text, as a part of it, and what is wrong there.
type Fault<'s> = (&'s str, String);

fn report<'s, E>(
    name: &str,
    text: &'s str,
    errors: load::Errors<&'s str, (), E>,
    describe: impl Fn(E) -> Vec<Fault<'s>>,
) -> String {
    let mut faults: Vec<(usize, String)> = errors
        .into_iter()
        .flat_map(|(_, error)| describe(error))
        .map(|(part, message)| (offset(text, part), message))
        .collect();
    faults.sort();
    let lines: Vec<String> = faults
        .into_iter()
        .map(|(offset, message)| located(name, Some(Position::of(text, offset)), message))
        .collect();
    lines.join("\n")
}

/// Where a part of the text begins; what is no part of it is at the end.
fn offset(text: &str, part: &str) -> usize {
    let offset = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    offset.min(text.len())
}

fn describe_load(error: load::Error<&str>) -> Vec<Fault<'_>> {
    match error {
        load::Error::Io(errors) => {
            let refused =
                |(path, _)| (path, "there are no modules here: put everything into one script".to_owned());
            errors.into_iter().map(refused).collect()
        }
        load::Error::Lex(errors) => errors.into_iter().map(describe_lex).collect(),
        load::Error::Parse(errors) => errors.into_iter().map(describe_parse).collect(),
    }
}

fn describe_lex((expected, found): lex::Error<&str>) -> Fault<'_> {
    match expected {
        lex::Expect::Delim(open) => (open, format!("{} is never closed", first(open))),
        expected => (found, format!("expected {}, found {}", expected.as_str(), shown(found))),
    }
}

fn describe_parse((expected, found): parse::Error<&str>) -> Fault<'_> {
    (found, format!("expected {}, found {}", expected.as_str(), shown(found)))
}

fn describe_compile(errors: Vec<(&str, Undefined)>) -> Vec<Fault<'_>> {
    let message = |(name, undefined)| match undefined {
        Undefined::Filter(arity) => format!("there is no function {name}/{arity}"),
        Undefined::Var => {
            format!("there is no variable {name}; beside the script's own there are {}", VARIABLES.join(", "))
        }
        other => format!("there is no {} {name}", other.as_str()),
    };
    errors.into_iter().map(|(name, undefined)| (name, message((name, undefined)))).collect()
}

/// The beginning of what was found.
fn shown(found: &str) -> String {
    match found.split_whitespace().next() {
        Some(word) => word.chars().take(20).collect(),
        None => "the end of the script".to_owned(),
    }
}

fn first(text: &str) -> &str {
    text.get(..1).unwrap_or_default()
}
