//! The functions by which `prelude.js` reaches the host, and what a call has said through them.
//!
//! Text in and text out: JSON is parsed and made in JavaScript. While a script is loaded there is no run and no item, so all of them throw.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use lateen_engine_kit::{
    Failure, Host, Level, Role, Verdict, facts,
    host::{Query, describe, reason},
    resource,
};
use rquickjs::{Ctx, Exception, Function, Object, Result};

use crate::numbers::Numbers;

/// What the functions share.
pub(crate) struct Bridge {
    pub(crate) host: Rc<dyn Host>,
    pub(crate) params: String,
    pub(crate) config: Option<String>,
    /// An item is being worked on.
    pub(crate) calling: Cell<bool>,
    /// For what.
    pub(crate) role: Cell<Role>,
    /// What the script has said in this call, apart from the item.
    pub(crate) said: RefCell<Verdict>,
    /// Large integers in all that the script was given in this call.
    pub(crate) numbers: RefCell<Numbers>,
}

impl Bridge {
    /// Makes the object `host` of the prelude.
    pub(crate) fn object<'js>(self: &Rc<Self>, ctx: &Ctx<'js>) -> Result<Object<'js>> {
        let host = Object::new(ctx.clone())?;
        macro_rules! function {
            ($name:literal, |$bridge:ident, $js:ident $(, $argument:ident: $type:ty)*| $body:expr) => {{
                let $bridge = Rc::clone(self);
                let function = move |$js: Ctx<'js> $(, $argument: $type)*| {
                    $bridge.in_call(&$js)?;
                    $body
                };
                host.set($name, Function::new(ctx.clone(), function)?)?;
            }};
        }
        function!("params", |bridge, _js| Ok::<_, rquickjs::Error>(bridge.given(&bridge.params)));
        function!("original", |bridge, _js| Ok::<_, rquickjs::Error>(
            bridge.host.original().map(|text| bridge.given(&text))
        ));
        function!("config", |bridge, _js| Ok::<_, rquickjs::Error>(bridge.config.clone()));
        function!("run", |bridge, _js| {
            let run = facts::run(&bridge.host.run(), bridge.role.get());
            Ok::<_, rquickjs::Error>(run.to_string())
        });
        function!("item", |bridge, _js| Ok::<_, rquickjs::Error>(
            facts::item(&bridge.host.subject()).to_string()
        ));
        function!("log", |bridge, _js, level: String, message: String| {
            bridge.host.log(level_of(&level), &message);
            Ok::<_, rquickjs::Error>(())
        });
        function!("skip", |bridge, _js, why: String| {
            bridge.said.borrow_mut().skip.get_or_insert(why);
            Ok::<_, rquickjs::Error>(())
        });
        function!("also", |bridge, _js, kind: String, namespace: String, name: String| {
            let object = resource::object_ref(&kind, Some(&namespace), &name);
            bridge.said.borrow_mut().related.push(object);
            Ok::<_, rquickjs::Error>(())
        });
        function!("mustInclude", |bridge, _js| {
            bridge.said.borrow_mut().must_include = true;
            Ok::<_, rquickjs::Error>(())
        });
        function!("random", |bridge, _js| Ok::<_, rquickjs::Error>(bridge.random()));
        function!("get", |bridge, js, kind: String, namespace: String, name: String| {
            let found = bridge.host.get(&kind, Some(&namespace), &name);
            found
                .map(|object| object.map(|text| bridge.given(&text)))
                .map_err(|failure| thrown(&js, &failure))
        });
        function!("list", |bridge, js, kind: String, namespace: String, labels: String, fields: String| {
            let query =
                Query { resource: &kind, namespace: Some(&namespace), labels: &labels, fields: &fields };
            let found = bridge.host.list(query).map_err(|failure| thrown(&js, &failure))?;
            Ok::<_, rquickjs::Error>(found.iter().map(|text| bridge.given(text)).collect::<Vec<_>>())
        });
        function!("create", |bridge, js, object: String| {
            bridge
                .host
                .create(&object)
                .map(|text| bridge.given(&text))
                .map_err(|failure| thrown(&js, &failure))
        });
        function!("patch", |bridge, js, kind: String, namespace: String, name: String, patch: String| {
            let patched = bridge.host.patch(&kind, Some(&namespace), &name, &patch);
            patched.map(|text| bridge.given(&text)).map_err(|failure| thrown(&js, &failure))
        });
        function!("delete", |bridge, js, kind: String, namespace: String, name: String| {
            bridge.host.delete(&kind, Some(&namespace), &name).map_err(|failure| thrown(&js, &failure))
        });
        Ok(host)
    }

    /// A call begins, and what was said in the one before is forgotten.
    pub(crate) fn begin(&self, role: Role) {
        drop(self.said.replace(Verdict::default()));
        drop(self.numbers.replace(Numbers::default()));
        self.role.set(role);
        self.calling.set(true);
    }

    /// The call is over.
    pub(crate) fn end(&self) {
        self.calling.set(false);
    }

    fn in_call(&self, ctx: &Ctx<'_>) -> Result<()> {
        if self.calling.get() {
            return Ok(());
        }
        Err(Exception::throw_message(
            ctx,
            "there is no item yet while the script is loaded: ask inside the function",
        ))
    }

    /// Text that the script is given; what JavaScript cannot hold of it is remembered.
    fn given(&self, text: &str) -> String {
        self.numbers.borrow_mut().remember(text);
        text.to_owned()
    }

    /// 53 random bits, from 0 to below 1, as `Math.random` has them.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
    fn random(&self) -> f64 {
        let bits = self.host.random(8).iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn level_of(name: &str) -> Level {
    match name {
        "debug" => Level::Debug,
        "warn" => Level::Warn,
        _ => Level::Info,
    }
}

/// An error that a script can catch, and decide by its `reason`.
fn thrown(ctx: &Ctx<'_>, failure: &Failure) -> rquickjs::Error {
    match Exception::from_message(ctx.clone(), &describe(failure)) {
        Ok(exception) => match exception.as_object().set("reason", reason(failure)) {
            Ok(()) => exception.throw(),
            Err(error) => error,
        },
        Err(error) => error,
    }
}
