// Questions that depend on an answer are shown when it is given. Without this script all are shown, and each says when
// it is to be answered.
"use strict";
for (const form of document.querySelectorAll("form")) {
  const questions = [...form.querySelectorAll(".question[data-on]")];
  if (questions.length === 0) continue;

  // What is answered to `name`, in the words of conditions; a question that is hidden has no answer.
  const answers = (name) =>
    [...form.elements]
      .filter((control) => control.name === name && !control.disabled)
      .filter((control) => (control.type === "radio" || control.type === "checkbox" ? control.checked : true))
      .map((control) => control.dataset.word ?? control.value);

  // In the order of the form: a condition looks at an earlier question.
  const update = () => {
    for (const question of questions) {
      const wanted = question.dataset.anyOf.split(" ");
      const isAsked = answers(question.dataset.on).some((answer) => wanted.includes(answer));
      // What the service found wrong stays in sight: the summary leads there.
      const isShown = isAsked || question.querySelector(".fault") !== null;
      question.hidden = !isShown;
      for (const control of question.querySelectorAll("input, select, textarea")) control.disabled = !isShown;
    }
  };

  form.addEventListener("change", update);
  // A browser that goes back fills in what was typed.
  addEventListener("pageshow", update);
  update();
}

// A button that is pressed twice sends one form.
addEventListener("submit", ({ target }) => setTimeout(() => target.querySelectorAll("button").forEach((button) => { button.disabled = true; })));
addEventListener("pageshow", () => document.querySelectorAll("form button").forEach((button) => { button.disabled = false; }));
