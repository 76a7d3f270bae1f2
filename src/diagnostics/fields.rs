//! Compares the fields that routes read with the samples of the accepted dialects.

use super::finding::Finding;
use crate::config::Settings;
use crate::routing::{Gap, RoutePart, RouteTable};
use justcall_events::{Dialect, NamedField};

/// Warns of each route setting whose fields no sample of an accepted dialect has.
pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    // Contradicting routes are a settings error, which loading rejects.
    let Ok(table) = RouteTable::compile(&settings.routing) else { return Vec::new() };
    let sources = &settings.ingest.sources;
    let is_taken = |dialect: &Dialect| sources.iter().any(|source| source.takes(*dialect));
    let dialects: Vec<_> = Dialect::ALL.into_iter().filter(is_taken).collect();
    table.gaps(&dialects).iter().map(finding).collect()
}

fn finding(gap: &Gap) -> Finding {
    let Gap { route, fields, dialect, .. } = gap;
    let names: Vec<_> = fields.iter().map(|field| format!("`{field}`")).collect();
    let effect = match gap.part {
        RoutePart::Condition => "there the condition never holds",
        RoutePart::Key => "there the key is the entity id",
        RoutePart::Header => "there the header is left out",
    };
    let names = names.join(" or ");
    let families: Vec<_> = gap.families.iter().map(|family| format!("{family} ")).collect();
    let families = families.join("and ");
    let text = if gap.is_spelling {
        format!(
            "routes[{route}] compares {names} with a text that the {dialect} dialect spells otherwise: {effect}"
        )
    } else {
        format!(
            "routes[{route}] reads {names}, which no sample of its {families}types has in the {dialect} dialect: {effect}"
        )
    };
    let is_named = fields.iter().any(|field| NamedField::from_name(field).is_some());
    let fix = match gap.instead {
        Some(field) => format!("write `{}`, which means the same in both dialects", field.name()),
        None if is_named => "remove the types without the field from `match`, or remove the field".into(),
        None => format!(
            "correct the pointer, or add a route for the {dialect} dialect; docs/how-to/mapping.md lists the fields that both dialects have"
        ),
    };
    Finding::warning(&gap.at, text, fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SettingsInput;
    use crate::diagnostics::finding::Level;

    const SIGNED: &str = "sources.main.signature.secrets=[\"a-secret-for-tests\"]";
    const UNSIGNED: &str = "sources.main.signature.required=false";

    fn warnings(given: &[&str]) -> Vec<String> {
        let found = check(&Settings::load(&SettingsInput::given(given)).unwrap());
        assert!(found.iter().all(|finding| finding.level == Level::Warning));
        found
            .into_iter()
            .map(|finding| format!("{}: {} -> {}", finding.key, finding.text, finding.fix.unwrap()))
            .collect()
    }

    #[test]
    fn pointer_of_one_dialect_is_reported_with_a_replacement() {
        let routes = r#"routes=[{"match": "call.*", "when": {"/data/direction": "inbound"}, "topics": "a"}]"#;
        let expected = "routes[0].when./data/direction: routes[0] reads `/data/direction`, which no sample of its types has in the live dialect: there the condition never holds -> write `direction`, which means the same in both dialects";
        assert_eq!(warnings(&[routes, SIGNED]), [expected]);
        assert_eq!(warnings(&[routes, UNSIGNED]), [expected]);
        assert!(warnings(&[&routes.replace("/data/direction", "direction"), SIGNED]).is_empty());
        let found = warnings(&[&routes.replace("call.*", "sms.*"), SIGNED]);
        assert!(found[0].contains("with a text that the live dialect spells otherwise: there"), "{found:?}");
        assert!(
            found[0].ends_with("-> write `direction`, which means the same in both dialects"),
            "{found:?}"
        );
        let found = warnings(&[&routes.replace("call.*", "*"), SIGNED]);
        assert!(found[0].contains("which no sample of its call types has in the live dialect"), "{found:?}");
    }

    #[test]
    fn only_accepted_dialects_are_compared() {
        let live = r#"routes=[{"match": "call.*", "topics": "a", "key": ["/data/call_info/direction"], "headers": {"name": {"from": "/data/contact_name"}}}]"#;
        assert!(warnings(&[live, SIGNED]).is_empty());
        for unsigned in
            [vec![UNSIGNED], vec![SIGNED, UNSIGNED], vec![SIGNED, "sources.main.signature.mode=monitor"]]
        {
            let found = warnings(&[&[live][..], &unsigned].concat());
            assert_eq!(found.len(), 2, "{found:?}");
            assert!(found[0].starts_with("routes[0].key: "), "{found:?}");
            assert!(found[0].contains("documented dialect: there the key is the entity id"), "{found:?}");
            assert!(
                found[0].ends_with("write `direction`, which means the same in both dialects"),
                "{found:?}"
            );
            assert!(found[1].starts_with("routes[0].headers.name: "), "{found:?}");
            assert!(found[1].contains("there the header is left out -> correct the pointer"), "{found:?}");
        }
    }
}
