## What forms share

form-required = مطلوب
form-optional = اختياري
form-required-explained = يُذكر بجانب كل سؤال ما إذا كانت الإجابة مطلوبة أو اختيارية.
form-no-answer = بلا إجابة
form-choose = يُرجى الاختيار
form-yes = نعم
form-no = لا
form-or = أو
form-quoted = «{ $text }»
form-only-if = فقط إذا كانت الإجابة { $answers } عن السؤال «{ $question }»
form-length-most = { $most } حرف على الأكثر.
form-range-between = عدد من { $least } إلى { $most }.
form-range-from = عدد لا يقل عن { $least }.
form-range-to = عدد لا يزيد على { $most }.
form-seats-left = { $count ->
    [0] لم يبق أي مقعد
    [one] بقي مقعد واحد
    [two] بقي مقعدان
    [few] بقيت { $count } مقاعد
    [many] بقي { $count } مقعدًا
   *[other] بقي { $count } مقعد
}
form-session-full = المقاعد مشغولة: يُدرج اسمكم في قائمة الانتظار
form-faults = هناك ما يحتاج إلى تصحيح
form-faulty-title = خطأ:
form-consent = أوافق على أن تحتفظ الجهة المنظِّمة بهذه البيانات وتستخدمها من أجل عقد المؤتمر
form-consent-member = وافق الشخص المعني على أن تحتفظ الجهة المنظِّمة بهذه البيانات وتستخدمها من أجل عقد المؤتمر

## Groups of fields

group-person = بياناتكم الشخصية
group-contact = كيف نتواصل معكم
group-work = عملكم
group-needs = احتياجاتكم
group-member-person = البيانات الشخصية
group-member-contact = كيف نتواصل مع الشخص
group-member-work = عمل الشخص
group-member-needs = احتياجات الشخص
group-member-role = الموقع في الوفد
group-questions = أسئلة خاصة بهذا المؤتمر
group-consent = حماية البيانات
group-member-consent = حماية بيانات الشخص

## Fields

field-category = الفئة
field-honorific = اللقب
field-given-name = الاسم الشخصي
field-family-name = اسم العائلة أو الاسم الوحيد
field-name = الاسم
field-latin-name = الاسم بالحروف اللاتينية
field-birth-date = تاريخ الميلاد
field-email = البريد الإلكتروني
field-phone = رقم الهاتف
field-language = لغة رسائلنا
field-organisation = المنظمة
field-position = المنصب
field-country = البلد
field-accessibility-needs = تسهيلات الوصول
field-dietary-needs = الطعام
field-sessions = الجلسات ذات المقاعد المحدودة
field-invitation = رمز الدعوة أو رمز الدخول
field-consent = الموافقة
field-privacy-notice-version = إشعار الخصوصية
field-level = المرتبة
field-is-head = رئاسة الوفد

## What helps to fill them in

help-honorific = مثل: الدكتور، الدكتورة، معالي، سعادة. يُطبع على الشارة.
help-given-name = يُترك فارغًا إذا كان لكم اسم واحد فقط.
help-family-name = كما ينبغي أن يظهر على الشارة.
help-name = كما ينبغي أن يظهر على الشارة.
help-latin-name = فقط إذا كان الاسم مكتوبًا بحروف أخرى: كما في جواز السفر.
help-birth-date = فقط إذا احتاجت إليه الجهة المنظِّمة للاعتماد.
help-email = إليه نرسل التأكيد والرابط الشخصي.
help-phone = مع رمز البلد، مثل ‎+32 2 123 45 67‎.
help-accessibility-needs = مثل مدخل بلا درج، أو ترجمة بلغة الإشارة، أو مرافقة.
help-dietary-needs = ما لا يمكنكم تناوله أو لا ترغبون فيه.
help-sessions = إذا عُقدت جلستان في الوقت نفسه، يمكن اختيار واحدة منهما فقط.
help-invitation = تجدونه في رسالة الدعوة.
help-consent = لا نحتفظ بشيء من دون موافقتكم. ومن خلال رابطكم الشخصي يمكنكم الاطلاع على ما نحتفظ به من تسجيلكم، وتغيير معظمه بأنفسكم، وإلغاء التسجيل. أما عنوانكم وفئتكم، واسمكم أحيانًا، فلا يغيّرها إلا المنظمون: يُرجى الكتابة إليهم.
help-member-honorific = مثل: الدكتور، الدكتورة، معالي، سعادة. يُطبع على الشارة.
help-member-given-name = يُترك فارغًا إذا كان للشخص اسم واحد فقط.
help-member-family-name = كما ينبغي أن يظهر على الشارة.
help-member-name = كما ينبغي أن يظهر على الشارة.
help-member-latin-name = فقط إذا كان الاسم مكتوبًا بحروف أخرى: كما في جواز السفر.
help-member-birth-date = فقط إذا احتاجت إليه الجهة المنظِّمة للاعتماد.
help-member-email = عنوان الشخص نفسه: إليه نرسل التأكيد والرابط الشخصي.
help-member-shared-email = عنوان الشخص نفسه أو عنوان البعثة، فقد يتشاركه عدة أعضاء: إليه نرسل التأكيد والرابط الشخصي.
help-member-phone = مع رمز البلد، مثل ‎+32 2 123 45 67‎.
help-member-country = إذا لم تختر بلدا فهو بلد الوفد.
help-member-language = عند عدم الإجابة نكتب إلى الشخص باللغة التي نكتب إليكم بها.
help-member-accessibility-needs = مثل مدخل بلا درج، أو ترجمة بلغة الإشارة، أو مرافقة.
help-member-dietary-needs = ما لا يمكن للشخص تناوله أو لا يرغب فيه.
help-member-consent = يُرجى أخذ موافقة الشخص قبل الإرسال. ويمكنه، من خلال رابطه الشخصي، الاطلاع على ما نحتفظ به من تسجيله.
help-level = من أجل ترتيب الأسبقية البروتوكولية.
help-level-replacing = بلا إجابة تبقى المرتبة كما كانت.
help-is-head = للوفد رئاسة واحدة. عند وضع علامة هنا، يحل الشخص محل من يرأس الوفد الآن.

## What can be wrong

fault-required = يُرجى الإجابة عن هذا السؤال.
fault-empty = يُرجى الإجابة عن هذا السؤال.
fault-consent_required = يُرجى وضع علامة في الخانة: لا يجوز لنا الاحتفاظ بشيء من دون موافقة.
fault-outdated = تغيّر إشعار الخصوصية. يُرجى قراءته والموافقة عليه من جديد.
fault-too_long = هذا النص أطول من اللازم.
fault-too-long-by = يُرجى كتابة { $most } حرف على الأكثر.
fault-too_short = هذا النص أقصر من اللازم.
fault-too_many = العدد أكبر من المسموح به.
fault-control_character = يُرجى كتابة نص عادي بلا أسطر جديدة ولا حروف خفية.
fault-invisible_character = في هذا النص حروف خفية. يُرجى كتابته بدلًا من لصقه.
fault-too_many_accents = على أحد الحروف علامات كثيرة جدًا.
fault-name_and_parts = يُرجى كتابة الاسم كاملًا أو أجزائه، لا الاثنين معًا.
fault-invalid = يُرجى التحقق من هذه الإجابة.
fault-link = يُرجى كتابته من دون عنوان موقع أو بريد إلكتروني، مع ترك مسافة بعد كل نقطة.
fault-invalid_code = يُرجى اختيار إحدى الإجابات.
fault-invalid_email = يُرجى كتابة عنوان مثل ‎name@example.org‎.
fault-invalid_phone = يُرجى كتابة رقم هاتف مثل ‎+32 2 123 45 67‎.
fault-invalid_country = يُرجى اختيار بلد من القائمة.
fault-invalid_language = يُرجى اختيار لغة من القائمة.
fault-unknown_language = يُرجى اختيار لغة من القائمة.
fault-invalid_date = يُرجى كتابة تاريخ مثل ‎2014-03-31‎ (السنة ثم الشهر ثم اليوم).
fault-invalid_url = يُرجى كتابة عنوان يبدأ بـ ‎https://‎ أو ‎http://‎.
fault-out_of_range = هذا العدد أصغر أو أكبر من اللازم.
fault-unknown_value = يُرجى اختيار إحدى الإجابات.
fault-unknown_reference = لم يعد هذا الخيار متاحًا. يُرجى الاختيار من جديد.
fault-unknown_field = لم يعد هذا السؤال مطروحًا.
fault-unknown_category = هذه الفئة غير متاحة. يُرجى الاختيار من جديد.
fault-wrong_type = يُرجى الإجابة بالطريقة المطلوبة.
fault-wrong_length = يُرجى التحقق من هذه الإجابة.
fault-duplicate = يُرجى اختيار كل إجابة مرة واحدة فقط.
fault-overlap = تُعقد اثنتان من هذه الجلسات في الوقت نفسه. يُرجى اختيار إحداهما.
fault-session_over = انتهت هذه الجلسة.
fault-not_asked = لا ينطبق هذا السؤال مع إجاباتكم الأخرى. يُرجى تركه فارغًا.
fault-not_changeable = لا يمكن تغيير هذا إلا من جانب الجهة المنظِّمة.
fault-in_the_past = هذا التاريخ قد مضى.
fault-validation = يُرجى التحقق مما هو مبيَّن أدناه.
fault-already-registered = هذا العنوان مسجَّل من قبل. تجدون في الرسالة التي أرسلناها إليه الرابط الشخصي للتسجيل.
fault-name-registered = سبق تسجيل شخص بهذا الاسم بالعنوان نفسه. يجب أن تختلف أسماء من يتشاركون عنوانًا واحدًا.
fault-registration-closed = التسجيل غير مفتوح الآن. ما كتبتموه ما زال هنا.
fault-conference-over = انتهى المؤتمر، ولم يعد ذلك ممكنًا.
fault-registration-full = المقاعد كلها مشغولة، ولا توجد قائمة انتظار.
fault-invitation-invalid = رمز الدعوة أو الدخول هذا غير معروف، أو سبق استخدامه، أو يخص عنوانًا آخر أو فئة أخرى.
fault-invitation-needed = تتطلب هذه الفئة دعوة. يُرجى كتابة رمزها.
fault-invitation-over = استُخدمت هذه الدعوة أو انتهت.
fault-wrong-state = لم يعد هذا ممكنًا: تغيَّر التسجيل في هذه الأثناء.
fault-delegation-full = أماكن وفدكم كلها مشغولة.
fault-identity-approved = وافقت الجهة المنظِّمة على هذا الشخص. يُرجى استبداله بدلًا من تغيير اسمه.
fault-precondition-failed = تغيَّر هذا في هذه الأثناء. يُرجى النظر فيه من جديد.
fault-idempotency-key-reused = سبق إرسال هذه الاستمارة. يُرجى فتح الصفحة من جديد.
fault-too-many-requests = أُرسل الكثير في وقت قصير. يُرجى الانتظار دقيقة ثم الإرسال من جديد.
fault-too-large = هذا أكثر مما يمكن إرساله مرة واحدة. يُرجى اختصار النصوص.
fault-bad-request = تعذَّرت قراءة ما أُرسل. يُرجى الإرسال من جديد.
fault-malformed-json = تعذَّرت قراءة ما أُرسل. يُرجى الإرسال من جديد.
fault-not-found = لم يعد هنا شيء. يُرجى فتح الرابط الوارد في آخر رسالة منا.
fault-unauthenticated = لم يعد هذا الرابط صالحًا. يُرجى فتح الرابط الوارد في آخر رسالة منا.
fault-forbidden = لا يسمح هذا الرابط بذلك.
fault-unavailable = الخدمة غير متاحة في هذه اللحظة. ما كتبتموه ما زال هنا: يُرجى إرساله من جديد بعد دقيقة.
fault-unexpected = حدث خطأ من جانبنا. ما كتبتموه ما زال هنا: يُرجى إرساله من جديد بعد دقيقة.

## Registering

register-title = التسجيل
register-choose-category = في أي فئة تشاركون؟
register-no-category = لا يوجد تسجيل متاح في الوقت الحاضر.
register-over = انتهى المؤتمر. لم يعد التسجيل ممكنًا.
register-not-enabled = التسجيل غير مفتوح. يُرجى التواصل مع الجهة المنظِّمة أو العودة لاحقًا.
register-as = التسجيل في فئة: { $category }
register-with-invitation = رمز الدعوة أو الدخول الخاص بكم محفوظ لهذه الخطوات.
register-have-code = لديَّ رمز دعوة أو رمز دخول
register-use-code = استخدام هذا الرمز
register-other-category = اختيار فئة أخرى
register-send = تسجيل
register-send-pending = إرسال الطلب إلى الجهة المنظِّمة
register-send-waiting = التسجيل في قائمة الانتظار
register-letter-follows = ستصلكم بعد ذلك رسالة بالبريد الإلكتروني تبيّن ما يتبقى عليكم فعله.

category-open = التسجيل مفتوح.
category-not-open = التسجيل غير مفتوح الآن.
category-full = المقاعد كلها مشغولة، ولا توجد قائمة انتظار.
category-waiting-list = المقاعد كلها مشغولة. عند التسجيل الآن يُدرج اسمكم في قائمة الانتظار، ونبلغكم فور توفر مقعد.
category-seats-left = { $count ->
    [0] لم يبق أي مقعد.
    [one] التسجيل مفتوح: بقي مقعد واحد.
    [two] التسجيل مفتوح: بقي مقعدان.
    [few] التسجيل مفتوح: بقيت { $count } مقاعد.
    [many] التسجيل مفتوح: بقي { $count } مقعدًا.
   *[other] التسجيل مفتوح: بقي { $count } مقعد.
}
category-opens-at = يُفتح في:
category-closes-at = يُغلق في:
category-needs-invitation = فقط برمز دعوة أو رمز دخول.
category-needs-approval = تبتُّ الجهة المنظِّمة في كل تسجيل وتبلغكم بقرارها.
category-verifies-email = تؤكدون عنوانكم برابط نرسله إليكم.

sent-title = يُرجى مراجعة بريدكم الإلكتروني
sent-what = هناك رسالة في طريقها إلى العنوان الذي ذكرتموه.
sent-link = تبيّن الرسالة حالة تسجيلكم وما إذا كان عليكم فعل شيء. وإذا طُلب منكم تأكيد العنوان فلا يُعتد بالتسجيل إلا بعد تأكيده.
sent-nothing-came = لم يصل شيء خلال عشر دقائق؟ يُرجى البحث في البريد غير المرغوب فيه، أو التسجيل من جديد مع التحقق من كتابة العنوان.

void-title = هذا الرابط لا يعمل
void-why = الرابط غير صالح، أو لم يعد صالحًا.
void-whole-link = يُرجى التحقق من فتح الرابط كاملًا: بعض برامج البريد تقطع الروابط الطويلة.
void-latest-letter = إذا كانت لديكم عدة رسائل منا، فافتحوا الرابط الوارد في أحدثها: قد تكون الروابط السابقة ملغاة.
void-ask = إذا لم ينفع ذلك، يُرجى الكتابة إلى الجهة المنظِّمة.

again-title = إرسال رابطكم من جديد
again-offer = سبق أن سجّلتم؟ اطلبوا إرسال رابطكم الشخصي من جديد.
again-what = يُرجى ذكر العنوان الذي سجّلتم به، وسنرسل إليه الرابط الشخصي. وإذا كان العنوان يخص عدة مسجَّلين فستصل رسالة لكل منهم.
again-send = أرسلوا الرابط من جديد
again-sent = إذا كان هذا العنوان مسجَّلًا فرابطه في الطريق إليه.
again-nothing-came = لم يصل شيء خلال عشر دقائق؟ يُرجى البحث في البريد غير المرغوب فيه والتحقق من كتابة العنوان. لا نرسل الرابط أكثر من مرة كل عشر دقائق.

## One’s own registration

own-title = تسجيلكم
own-back = العودة إلى تسجيلكم
own-is-unverified = يُرجى تأكيد أن هذا العنوان يخصكم
own-is-pending = تنظر الجهة المنظِّمة في تسجيلكم
own-is-confirmed = تم تأكيد تسجيلكم
own-is-waitlisted = أنتم في قائمة الانتظار
own-is-offered = هناك مقعد محجوز لكم
own-is-cancelled = أُلغي تسجيلكم
own-is-rejected = لم يُقبل تسجيلكم
own-is-expired = انتهت صلاحية تسجيلكم
own-is-revoked = سُحب اعتمادكم
own-then-unverified = لا يُعتد بتسجيلكم إلا بعد الضغط على هذا الزر.
own-then-pending = لا يلزمكم القيام بشيء. سنكتب إليكم فور صدور القرار.
own-then-confirmed = نتطلع إلى الترحيب بكم.
own-position = ترتيبكم في القائمة: { $position }.
own-then-waitlisted = عندما يتوفر لكم مقعد نكتب إليكم. وإذا تعذَّر حضوركم، يُرجى الإلغاء كي يتقدم غيركم.
own-then-offered = يُرجى قبوله في الوقت المحدد. بعد ذلك يؤول إلى التالي في القائمة، وتنتقلون إلى آخرها.
own-then-cancelled = لا يمكن التراجع عن ذلك.
own-then-rejected = أُرسل القرار إليكم بالبريد الإلكتروني.
own-then-expired = لم يُؤكَّد العنوان في الوقت المحدد. وقد حُذف ما أُدخل.
own-then-revoked = لم يعد بإمكانكم المشاركة بهذا التسجيل.
own-then-over = انتهى المؤتمر. لا يزال بإمكانكم تصحيح ما نحتفظ به من بياناتكم.
own-reason = تكتب إليكم الجهة المنظِّمة:
own-until = حتى:
own-verify = نعم، هذا عنواني
own-accept = قبول المقعد
own-qr-label = رمز الدخول للتسجيل { $reference }
own-qr-what = أبرزوا هذا الرمز عند المدخل، على هذه الشاشة أو مطبوعًا.
own-link-personal = هذه الصفحة لكم وحدكم. لا تشاركوا رابطها مع أحد.
own-link-share = من لديه الرابط يستطيع الاطلاع على تسجيلكم وتغييره وإلغاءه.
own-facts = بيانات التسجيل
own-reference = الرقم المرجعي
own-name = الاسم
own-dates = التاريخ
own-venue = المكان
own-sessions = جلساتكم
own-session-waits = (قائمة الانتظار)
own-session-seat = لديكم مقعد
own-session-wished = طلبتم مقعدًا
own-calendar = إضافة إلى تقويمي
own-answers = إجاباتكم
own-acts = ما يمكنكم القيام به
own-programme = قراءة البرنامج
own-data = تنزيل بياناتكم (ملف JSON)
own-cancel = إلغاء تسجيلي
own-register-anew = التسجيل من جديد
own-history = ما حدث حتى الآن
own-notice-changed = حُفظت التغييرات.
own-notice-sessions = حُفظ اختياركم للجلسات.

event-registered = التسجيل
event-imported = النقل من نظام آخر
event-verified = تأكيد العنوان
event-approved = موافقة الجهة المنظِّمة
event-rejected = عدم قبول التسجيل من الجهة المنظِّمة
event-promoted = توفُّر مقعد
event-offered = عرض مقعد
event-accepted = قبول المقعد
event-lapsed = انتهاء عرض المقعد
event-expired = انتهاء الصلاحية
event-cancelled = الإلغاء
event-revoked = سحب الاعتماد
event-changed = التغيير
event-moved = النقل إلى فئة أخرى
event-sessions-changed = تغيير اختيار الجلسات
event-seated = توفُّر مقعد في جلسة
event-merged = الدمج مع تسجيل آخر للشخص نفسه
event-link-renewed = رابط شخصي جديد

change-title = تغيير تسجيلكم
change-locked = لا يمكن تغيير ما ورد أعلاه إلا من جانب الجهة المنظِّمة.
change-send = حفظ التغييرات
change-leave = الإبقاء على ما هو عليه

choice-title = اختيار الجلسات
choice-what = ضعوا علامة عند كل جلسة ترغبون في حضورها. وعند إزالة العلامة عن جلسة، يؤول مقعدكم فيها إلى شخص آخر.
choice-none = لا تتطلب أي جلسة في هذا المؤتمر تسجيلًا: يمكنكم حضورها كلها.
choice-send = حفظ هذا الاختيار

cancel-title = هل تريدون إلغاء تسجيلكم؟
cancel-seat = يؤول مقعدكم إلى التالي في قائمة الانتظار، وتُخلى أيضًا أماكنكم في الجلسات.
cancel-place = تغادرون قائمة الانتظار وتفقدون ترتيبكم فيها.
cancel-application = تتخلون عن تسجيلكم.
cancel-final = لا يمكن التراجع عن ذلك.
cancel-nothing = لم يبق ما يمكن إلغاؤه.
cancel-send = نعم، إلغاء تسجيلي
cancel-keep = لا، الاحتفاظ به

## Delegations

delegation-title = الوفد: { $name }
delegation-back = العودة إلى الوفد
delegation-size = { $count ->
    [0] ليس في الوفد أعضاء بعد.
    [one] في الوفد عضو واحد.
    [two] في الوفد عضوان.
    [few] في الوفد { $count } أعضاء.
    [many] في الوفد { $count } عضوًا.
   *[other] في الوفد { $count } عضو.
}
delegation-left = { $count ->
    [0] الأماكن كلها مشغولة (العدد الكلي: { $quota }).
    [one] بقي مكان واحد (العدد الكلي: { $quota }).
    [two] بقي مكانان (العدد الكلي: { $quota }).
    [few] بقيت { $count } أماكن (العدد الكلي: { $quota }).
    [many] بقي { $count } مكانًا (العدد الكلي: { $quota }).
   *[other] بقي { $count } مكان (العدد الكلي: { $quota }).
}
delegation-link-personal = هذه الصفحة لكم بصفتكم جهة الاتصال. لا تشاركوا رابطها مع أحد.
delegation-link-share = من لديه الرابط يرى الأعضاء ويستطيع إضافتهم واستبدالهم وحذفهم. ويتلقى كل عضو رابطه الخاص بالبريد الإلكتروني.
delegation-members = الأعضاء
delegation-no-members = لم يُسمَّ أحد حتى الآن.
delegation-head = رئاسة الوفد
delegation-replace = استبدال { $name }
delegation-replace-title = من يحل محل { $name }؟
delegation-replace-what = يأخذ الشخص الجديد المقعد، أو الترتيب في قائمة الانتظار. ويُلغى تسجيل الشخص الآخر، وتصل رسالة إلى كليهما. لا يمكن التراجع عن ذلك.
delegation-replace-head = ويتولى الشخص الجديد رئاسة الوفد أيضًا.
delegation-replace-send = استبدال
delegation-remove = حذف { $name }
delegation-remove-what = يُلغى التسجيل وتصل رسالة إلى الشخص المعني، ويؤول المقعد إلى التالي في قائمة الانتظار. لا يمكن التراجع عن ذلك.
delegation-remove-send = نعم، حذف
delegation-add = إضافة عضو
delegation-add-what = تصل إلى الشخص رسالة فيها رابط شخصي.
delegation-add-send = إضافة هذا العضو
delegation-not-open = لا يمكن إضافة أعضاء الآن لأن التسجيل غير مفتوح. ويمكنكم مع ذلك استبدال الأعضاء وحذفهم.
delegation-over = انتهى المؤتمر. لم يعد ممكنًا إضافة أعضاء أو استبدالهم.
delegation-full = الأماكن كلها مشغولة. لإضافة شخص، احذفوا عضوًا أو استبدلوه أولًا، أو اطلبوا أماكن إضافية من الجهة المنظِّمة.
delegation-needs-approval = تبتُّ الجهة المنظِّمة في كل عضو.
delegation-notice-added = أُضيف العضو، والرسالة في طريقها إليه.
delegation-notice-removed = حُذف العضو.
delegation-notice-replaced = استُبدل العضو، والرسائل في طريقها.

status-unverified = العنوان غير مؤكد بعد
status-pending = لدى الجهة المنظِّمة
status-confirmed = مؤكد
status-waitlisted = في قائمة الانتظار
status-cancelled = ملغى
status-rejected = غير مقبول
status-expired = منتهي الصلاحية
status-revoked = سُحب الاعتماد

level-as-before = كما من قبل
level-head-of-state = رئاسة دولة
level-head-of-government = رئاسة حكومة
level-vice-president = نيابة رئاسة
level-minister = وزارة (وزير أو وزيرة)
level-deputy-minister = نيابة وزارة
level-head-of-organisation = رئاسة منظمة
level-ambassador = سفارة (سفير أو سفيرة)
level-other = غير ذلك

## Announcements

mail-title = رسائل الجهة المنظِّمة
mail-on = تصلكم الإعلانات والتذكيرات.
mail-off = لم تعد تصلكم إعلانات ولا تذكيرات. أما الرسائل المتعلقة بتسجيلكم فما زالت تُرسل إليكم.
mail-shared = قد يستعمل عدة أشخاص هذا العنوان، وما تختارونه هنا يسري عليهم جميعًا.
mail-stop = إيقاف الإعلانات والتذكيرات
mail-again = استئناف إرسالها
