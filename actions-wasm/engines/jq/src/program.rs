//! A compiled script, and one run of it.

use std::{cell::OnceCell, rc::Rc};

use jaq_core::{Ctx, Error, Filter, Vars, unwrap_valr};
use jaq_json::Val;
use lateen_engine_kit::{Engine, Host, Patch, Role, Scene, Script, Verdict, diff, facts, located};

use crate::{
    call::{Call, Jq, Seat},
    language::{VARIABLES, compile},
    value::{Seen, parse, text},
};

/// Characters of a run-time error; jaq puts whole values into them.
const MAX_ERROR: usize = 1000;

/// A compiled script and what is the same in every call.
pub struct Program {
    name: String,
    filter: Filter<Jq>,
    host: Rc<dyn Host>,
    params: Val,
    config: Val,
    /// Which of the variables the text mentions.
    mentions: [bool; VARIABLES.len()],
    /// `$run`, with the role for which it was made.
    run: OnceCell<(Role, Val)>,
}

impl Engine for Program {
    fn compile(script: &Script, host: Rc<dyn Host>) -> Result<Self, String> {
        let filter = compile(&script.name, &script.text)?;
        let params = parse(&script.params).map_err(|error| format!("params: {error}"))?;
        let config = script.plugin_config.as_deref().map_or(Ok(Val::Null), parse);
        Ok(Self {
            name: script.name.clone(),
            filter,
            host,
            params,
            config: config.map_err(|error| format!("plugin config: {error}"))?,
            mentions: VARIABLES.map(|name| script.text.contains(name)),
            run: OnceCell::new(),
        })
    }

    fn run(&self, item: &str, scene: &Scene) -> Result<Verdict, String> {
        let before = parse(item).map_err(|error| format!("cannot read the item: {error}"))?;
        let call = Call::new(&*self.host);
        let after = self.output(&call, before.clone(), *scene)?;
        if let Some(reason) = call.skip.into_inner() {
            return Ok(Verdict::skip(reason));
        }
        let patch = match after {
            Some(after) => diff(&Seen(&before), &Seen(&after)).map_err(|error| self.fault(error))?,
            None => Patch::default(),
        };
        let mut verdict = Verdict::patch(patch);
        verdict.related = call.related.into_inner();
        verdict.must_include = call.must_include.get();
        Ok(verdict)
    }
}

impl Program {
    /// What the script gives for an item: none only where the item is not the answer, or where it is left out.
    fn output(&self, call: &Call<'_>, item: Val, scene: Scene) -> Result<Option<Val>, String> {
        let seat = Seat { lut: &self.filter.lut, call };
        let context = Ctx::<Jq>::new(seat, Vars::new(self.variables(scene)?));
        let mut outputs = self.filter.id.run((context, item)).map(unwrap_valr);
        let Some(first) = outputs.next() else {
            let needless = !scene.wants_item() || call.skip.borrow().is_some();
            let hint = "no output: to leave the item as it is give `.`, to leave it out say skip(\"why\")";
            return if needless { Ok(None) } else { Err(self.fault(hint)) };
        };
        let first = first.map_err(|error| self.error(error))?;
        match outputs.next() {
            None => Ok(Some(first)),
            Some(Ok(_)) => Err(self.fault("more than one output: put the parts together into one object")),
            Some(Err(error)) => Err(self.error(error)),
        }
    }

    /// The values of [`VARIABLES`]; what the script does not mention is null.
    fn variables(&self, scene: Scene) -> Result<[Val; VARIABLES.len()], String> {
        let [_, _, run, item, original] = self.mentions;
        let when = |mentioned: bool, value: &dyn Fn() -> Result<Val, String>| {
            if mentioned { value() } else { Ok(Val::Null) }
        };
        Ok([
            self.params.clone(),
            self.config.clone(),
            when(run, &|| self.run_facts(scene.role))?,
            when(item, &|| parse(&facts::item(&self.host.subject()).to_string()))?,
            when(original, &|| self.host.original().map_or(Ok(Val::Null), |original| parse(&original)))?,
        ])
    }

    /// `$run`. One instance serves one role in nearly all cases, so one is kept.
    fn run_facts(&self, role: Role) -> Result<Val, String> {
        if let Some((of, value)) = self.run.get()
            && *of == role
        {
            return Ok(value.clone());
        }
        let value = parse(&facts::run(&self.host.run(), role).to_string())?;
        self.run.get_or_init(|| (role, value.clone()));
        Ok(value)
    }

    fn error(&self, error: Error<Val>) -> String {
        let value = error.into_val();
        // What the cluster refused is an object with a message.
        let message = match &value {
            Val::Obj(entries) => entries.get(&Val::from("message".to_owned())).map(text),
            _ => None,
        };
        let message = message.unwrap_or_else(|| text(&value));
        let mut shown: String = message.chars().take(MAX_ERROR).collect();
        if shown.len() < message.len() {
            shown.push_str("...");
        }
        if message.starts_with("cannot use null as iterable") {
            shown.push_str(
                "; where a key may be absent, add an object: `.metadata.labels += {\"key\": \"value\"}`",
            );
        }
        self.fault(shown)
    }

    fn fault(&self, message: impl std::fmt::Display) -> String {
        located(&self.name, None, message)
    }
}
