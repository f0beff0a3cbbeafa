//! What a template may use.
//!
//! A template in a stranger's clone is hostile input, and instructions are no bound on memory: forty
//! lines that each double a text fill any machine. So templates have loops, conditions, comments and
//! filters, and nothing that builds a value larger than what it was built from.

/// The words after `{%` that templates have.
const TAGS: [&str; 6] = ["for", "endfor", "if", "elif", "else", "endif"];

/// Checks `template` before it is compiled.
///
/// # Errors
/// The line, from 1, and what it uses that templates do not have.
pub(super) fn check(template: &str) -> Result<(), (usize, String)> {
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        let tag = rest.get(start..).unwrap_or_default();
        let close = match tag.get(..2) {
            Some("{#") => "#}",
            Some("{{") => "}}",
            Some("{%") => "%}",
            _ => {
                rest = tag.get(1..).unwrap_or_default();
                continue;
            }
        };
        let line = 1 + template
            .get(..template.len() - tag.len())
            .unwrap_or_default()
            .matches('\n')
            .count();
        let inside = tag.get(2..).unwrap_or_default();
        let end = if close == "#}" { inside.find(close) } else { end_of(inside, close) };
        let end = end.ok_or_else(|| (line, format!("`{close}` is missing")))?;
        let body = inside.get(..end).unwrap_or_default();
        match close {
            "%}" => block(body).map_err(|message| (line, message))?,
            "}}" => value(body).map_err(|message| (line, message))?,
            _ => {}
        }
        rest = inside.get(end + 2..).unwrap_or_default();
    }
    Ok(())
}

fn block(body: &str) -> Result<(), String> {
    let body = body.trim_start_matches(['-', '+']).trim_start();
    let word = body.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    if !TAGS.contains(&word) {
        return Err(format!("templates have no `{word}`: they have {}", TAGS.join(", ")));
    }
    if word == "for" && body.trim_end_matches(['-', '+', ' ']).ends_with("recursive") {
        return Err("loops of templates are not recursive".to_owned());
    }
    value(body)
}

/// Refuses operators that make longer texts and lists.
fn value(body: &str) -> Result<(), String> {
    let body = body.trim_matches(['-', '+']);
    let mut quote = None;
    let mut escaped = false;
    for character in body.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if matches!(character, '"' | '\'') => quote = Some(character),
            None if matches!(character, '~' | '*' | '+') => {
                return Err(format!(
                    "templates have no `{character}`: write the parts one after the other"
                ));
            }
            None => {}
        }
    }
    Ok(())
}

/// The byte index of `close` outside of texts.
fn end_of(text: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (index, character) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if text.get(index..)?.starts_with(close) => return Some(index),
            None if matches!(character, '"' | '\'') => quote = Some(character),
            None => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn takes_loops_conditions_comments_and_filters() {
        for template in [
            "plain { text } {",
            "{% for x in data %}{{ x | join(\", \") }}{% else %}none{% endfor %}",
            "{%- if a and not b -%}x{%- elif c -%}y{%- endif -%}",
            "{# ~ * + {% set %} #}",
            "{{ \"a ~ }} + b\" }}",
            "{{- x -}}",
        ] {
            assert_eq!(check(template), Ok(()), "{template}");
        }
    }

    #[test]
    fn refuses_what_can_grow() {
        for (template, line) in [
            ("{% set x = x %}", 1),
            ("\n\n{{ x ~ x }}", 3),
            ("{{ x * 1000 }}", 1),
            ("{{ x + x }}", 1),
            ("{%+ macro m() %}{%endmacro%}", 1),
            ("{% for x in y recursive %}{% endfor %}", 1),
            ("{% for x in y recursive -%}{% endfor %}", 1),
            ("{% include \"x\" %}", 1),
            ("{% filter upper %}x{% endfilter %}", 1),
            ("{% raw %}{% endraw %}", 1),
            ("a\n{{ x", 2),
        ] {
            assert_eq!(check(template).map_err(|(line, _)| line), Err(line), "{template}");
        }
    }
}
