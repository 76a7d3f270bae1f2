use super::*;
use crate::kafka::{Error, KafkaRefusal};

fn confirmed(typed: &str) -> (bool, String) {
    let mut prompt = String::new();
    let yes = is_confirmed(&mut typed.as_bytes(), |question| prompt.push_str(question));
    (yes, prompt)
}

#[test]
fn only_yes_confirms() {
    for typed in ["yes\n", "yes", " yes \n"] {
        assert!(confirmed(typed).0, "{typed:?}");
    }
    for typed in ["", "\n", "y\n", "Yes\n", "yes please\n", "no\nyes\n"] {
        assert!(!confirmed(typed).0, "{typed:?}");
    }
    assert!(confirmed("").1.contains("`yes`"), "nobody would know what to type");
}

#[test]
fn missing_right_is_reported() {
    let words = "Topic authorization failed".to_owned();
    let refused = |is_authorization| {
        let refusal = KafkaRefusal::BrokerError { words: words.clone(), is_authorization };
        failed(&Error::Refused(refusal), "Create")
    };
    let Ending::Failed(text) = refused(true) else { panic!("it failed") };
    assert!(text.contains("lacks the right Create"), "{text}");
    let Ending::Failed(text) = refused(false) else { panic!("it failed") };
    assert!(!text.contains("Create"), "{text}");
}
