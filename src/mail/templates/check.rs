//! What a template may contain: placeholders that exist, below a subject.

use minijinja::{Environment, UndefinedBehavior};

use crate::validation::ValidationErrors;

/// The placeholders that a template may use.
pub const PLACEHOLDERS: [&str; 21] = [
    "announcement",
    "category",
    "conference",
    "dates",
    "deadline",
    "delegation",
    "has_badge",
    "has_calendar",
    "is_over",
    "left",
    "link",
    "moved",
    "name",
    "offer_hours",
    "position",
    "preferences",
    "reason",
    "reference",
    "salutation",
    "sessions",
    "venue",
];
/// The functions of the template language.
const FUNCTIONS: [&str; 3] = ["dict", "namespace", "range"];

/// Validation errors, at `pointer`, of a text that may contain placeholders and nothing else of the template language.
pub fn check_text(source: &str, pointer: &str) -> ValidationErrors {
    let mut errors = ValidationErrors::default();
    // Nested expressions could make a text of any length.
    let is_placeholder = |rest: &str| {
        let name = rest.split_once("}}").map(|(name, _)| name.trim());
        name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    };
    if source.contains("{%") || source.contains("{#") || !source.split("{{").skip(1).all(is_placeholder) {
        errors.add(pointer, "invalid_template", "may name things, as {{ name }}, and nothing else");
        return errors;
    }
    for error in check(&format!("Subject: x\n{source}")).0 {
        errors.add(pointer, &error.code, error.detail);
    }
    errors
}

/// Validation errors of a template, with the line of each.
pub fn check(source: &str) -> ValidationErrors {
    let mut errors = ValidationErrors::default();
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let pointer = |line: Option<usize>| format!("#/source/line {}", line.unwrap_or(1));
    let template = match environment.template_from_str(source) {
        Ok(template) => template,
        Err(error) => {
            errors.add(pointer(error.line()), "invalid_template", error.to_string());
            return errors;
        }
    };
    let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    unknown.retain(|name| !PLACEHOLDERS.contains(&name.as_str()) && !FUNCTIONS.contains(&name.as_str()));
    unknown.sort();
    for name in unknown {
        let line = source.lines().position(|line| line.contains(&name)).map(|line| line + 1);
        let detail = format!("knows no {name}: must be one of {}", PLACEHOLDERS.join(", "));
        errors.add(pointer(line), "unknown_placeholder", detail);
    }
    let first = source.lines().next().unwrap_or_default();
    if !first.starts_with("Subject:") || first.trim_start_matches("Subject:").trim().is_empty() {
        errors.add(pointer(None), "missing_subject", "must begin with a line `Subject: ...`");
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::templates::shipped::SHIPPED;

    #[test]
    fn an_own_template_is_checked_line_by_line() {
        let codes =
            |source: &str| check(source).0.iter().map(|f| format!("{} {}", f.pointer, f.code)).collect::<Vec<_>>();
        assert_eq!(
            codes("Subject: {{ conference }}\n\n{% for session in sessions %}{{ session.title }}{% endfor %}"),
            [""; 0]
        );
        assert_eq!(codes("Subject: x\n\nDear {{ nome }}"), ["#/source/line 3 unknown_placeholder"]);
        assert_eq!(codes("Subject: x\n{% if %}"), ["#/source/line 2 invalid_template"]);
        assert_eq!(codes("Dear {{ name }}"), ["#/source/line 1 missing_subject"]);
        for (kind, source) in SHIPPED {
            assert_eq!(codes(source), [""; 0], "{kind}");
        }
    }
}
