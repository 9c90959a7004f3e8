//! Files that are lost, copied, foreign or on a full disk.

use std::{fs, sync::Arc};

use crate::support::{
    Store,
    app::{BROWSER, World},
    on_both_stores,
};

on_both_stores! {
    fn a_first_start_and_every_later_one_warn_of_nothing(store) {
        let world = Arc::new(World::with_example(store).set("PLENARY_LOG", "info"));
        for start in ["first", "second"] {
            let mut app = world.start_shared();
            assert_eq!(app.get_with("/conferences/genocide-prevention-2014/fr/programme", &BROWSER).status, 200);
            assert!(app.terminate().success());
            let log = app.log.all();
            let of_level = |level: &str| log.iter().filter(|line| line.contains(&format!("\"level\":\"{level}\""))).count();
            assert!(of_level("INFO") > 0, "{log:?}");
            assert_eq!((of_level("WARN"), of_level("ERROR")), (0, 0), "at the {start} start: {log:#?}");
        }
    }
}

#[test]
fn an_operator_hears_at_the_start_of_a_text_with_a_place_that_no_page_fills() {
    let world = World::new(Store::Sqlite);
    let folder = world.folder.0.join("site/texts/fr");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("own.ftl"), "filter-speaker = Avec { $nobody }\nfilter-any-day = Tous\n").unwrap();
    let site = world.folder.0.join("site").display().to_string();
    let mut app = world.set("PLENARY_SITE_DIR", &site).start();
    assert!(app.terminate().success());
    let warnings: Vec<_> = app.log.all().into_iter().filter(|line| line.contains("\"level\":\"WARN\"")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for part in ["own.ftl", "filter-speaker", "Unknown variable: $nobody", "a place that no page fills"] {
        assert!(warnings[0].contains(part), "{part}: {}", warnings[0]);
    }
}
