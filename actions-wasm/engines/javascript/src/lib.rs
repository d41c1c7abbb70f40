//! The script engine for JavaScript: QuickJS, without anything around it.
//!
//! A script is a function that takes the item and returns it, changed or not: the file's last expression, or its default export.
//!
//! ```js
//! (item, run) => {
//!   item.spec.replicas = params.replicas;
//!   return item;
//! }
//! ```
//!
//! What comes out is compared with what went in, number by number as doubles: the answer is a patch of what the script changed. So what JavaScript does to
//! numbers and key order touches nothing (see `after.rs`, and `numbers.rs` for integers that are moved).
//!
//! A script has no files, no network, no timers and no modules to import. The time and chance are the host's. Deep recursion is an exception, memory is limited by
//! the host. What a script keeps in variables outside the function is there until the host takes a new instance, which it may do at any time.

mod after;
mod bridge;
mod clock;
mod exception;
mod numbers;
mod script;
mod tree;

use std::{fmt::Display, rc::Rc};

use after::{After, Comparison, Failure};
use bridge::Bridge;
use lateen_engine_kit::{Engine, Host, Scene, Script, Verdict, diff, export_engine, located};
use rquickjs::{Ctx, Function, Persistent, Runtime, Value};
use serde_json::Value as Json;
use tree::Tree;

/// A script, loaded.
pub struct JavaScriptEngine {
    name: String,
    // The order matters: values go before the context that they live in, and that before its runtime.
    function: Persistent<Function<'static>>,
    begin: Persistent<Function<'static>>,
    takes_run: bool,
    bridge: Rc<Bridge>,
    context: rquickjs::Context,
    _runtime: Runtime,
}

export_engine!(JavaScriptEngine);

impl Engine for JavaScriptEngine {
    fn compile(script: &Script, host: Rc<dyn Host>) -> Result<Self, String> {
        script::load(script, host)
    }

    fn run(&self, item: &str, scene: &Scene) -> Result<Verdict, String> {
        self.bridge.begin(scene.role);
        let result = clock::with(&self.bridge.host, || {
            self.context.with(|ctx| {
                let before = serde_json::from_str(item).map_err(|error| self.wrong(&error))?;
                let after = self.call(&ctx, item, &before, scene.wants_item())?;
                self.verdict(&before, after)
            })
        });
        self.bridge.end();
        result
    }
}

impl JavaScriptEngine {
    /// The item after the script; nothing where it returned nothing and need not.
    fn call<'js, 'a>(
        &self,
        ctx: &Ctx<'js>,
        item: &str,
        before: &'a Json,
        wants_item: bool,
    ) -> Result<Option<After<'a>>, String> {
        let failed = |error| exception::describe(&self.name, ctx, error);
        let begin = self.begin.clone().restore(ctx).map_err(failed)?;
        let function = self.function.clone().restore(ctx).map_err(failed)?;
        let object = ctx.json_parse(item).map_err(failed)?;
        let comparison = Comparison::new(ctx, &object);
        let run: Value<'js> = begin.call((self.takes_run,)).map_err(failed)?;
        let result: Value<'js> = function.call((object, run)).map_err(failed)?;
        let needless = !wants_item || self.bridge.said.borrow().skip.is_some();
        if needless && (result.is_undefined() || result.is_null()) {
            return Ok(None);
        }
        check(&result).map_err(|wrong| self.wrong(&wrong))?;
        match comparison.seen(before, result) {
            Ok(None) => Err(self.wrong(&"what the script returned has no form in JSON")),
            Ok(after) => Ok(after),
            Err(Failure::Thrown(error)) => Err(failed(error)),
            Err(Failure::Unreadable(error)) => Err(self.wrong(&error)),
        }
    }

    fn verdict(&self, before: &Json, after: Option<After<'_>>) -> Result<Verdict, String> {
        let said = self.bridge.said.take();
        let Some(after) = after else { return Ok(said) };
        let mut numbers = self.bridge.numbers.take();
        numbers.add(before);
        let patch = diff(&Tree::before(before, &numbers), &Tree::after(&after, &numbers))
            .map_err(|reason| self.wrong(&reason))?;
        let Verdict { change, identity, .. } = Verdict::patch(patch);
        Ok(Verdict { change, identity, ..said })
    }

    fn wrong(&self, reason: &dyn Display) -> String {
        located(&self.name, None, reason)
    }
}

/// Whether a script's result can be the item.
fn check(result: &Value<'_>) -> Result<(), String> {
    let wrong = if result.is_undefined() || result.is_null() {
        "nothing".to_owned()
    } else if result.is_promise() {
        return Err(
            "the script returned a promise: there is nothing to wait for here, make it a plain function"
                .into(),
        );
    } else if !result.is_object() || result.is_array() || result.is_function() {
        format!("a value of type {}", result.type_name())
    } else {
        return Ok(());
    };
    Err(format!("the script returned {wrong}: return the item, changed or not"))
}

#[cfg(test)]
mod tests;
