# الصفحات العامة بالعربية
service-name = Plenary
skip-to-content = انتقل إلى المحتوى
nav-label = المؤتمر
nav-front = نظرة عامة
nav-programme = البرنامج
nav-speakers = المتحدثون
nav-call-for-action = النداء إلى العمل
nav-my-programme = برنامجي
nav-register = التسجيل
language-label = اللغة
programme-changed = تغيّر البرنامج.
changed-moved-to = تغيّر: الآن { $when } في { $room }.
changed-moved = تغيّر: الآن { $when }.
changed-roomless = لم تعد هناك قاعة.
changed-renamed = العنوان الجديد: «{ $title }».
changed-added = جديد: { $title }.
changed-is-new = جديد
changed-removed = لم تعد هنا: { $title }.
changed-gone = لم يعد هذا في البرنامج.
calendar-whole = تقويم البرنامج
api-documentation = وثائق واجهة البرمجة
organisation-role-organiser = الجهة المنظِّمة
organisation-role-host = الجهة المضيفة
organisation-role-partner = بالتعاون مع

times-are-local = جميع الأوقات بتوقيت المؤتمر ({ $zone }).
own-time-legend = بين قوسين، الساعة بحسب منطقتك الزمنية:

now-and-next = الآن ولاحقًا
now = الآن
next = لاحقًا
until = حتى

programme-none = لم يُعلن عن أي جلسة بعد. يرجى العودة لاحقا.
views-label = عرض البرنامج
view-by-time = حسب الوقت
view-by-room = حسب القاعة
room-time = الوقت
room-none = مكان آخر
programme-title = البرنامج
days-label = الأيام
filters = تصفية البرنامج
filter-day = اليوم
filter-track = المحور
filter-room = القاعة
filter-kind = نوع الجلسة
filter-any-day = كل الأيام
filter-any-track = كل المحاور
filter-any-room = كل القاعات
filter-any-kind = كل الأنواع
filter-speaker = بمشاركة { $name } فقط
filter-apply = عرض
filter-result = { $count ->
    [zero] لا توجد جلسات تطابق اختيارك.
    [one] جلسة واحدة تطابق اختيارك.
    [two] جلستان تطابقان اختيارك.
    [few] { $count } جلسات تطابق اختيارك.
    [many] { $count } جلسةً تطابق اختيارك.
   *[other] { $count } جلسة تطابق اختيارك.
 }
filter-clear = عرض البرنامج كاملًا
in-parallel = { $count ->
    [one] جلسة واحدة
    [two] جلستان متوازيتان
    [few] { $count } جلسات متوازية
    [many] { $count } جلسةً متوازية
   *[other] { $count } جلسة متوازية
 }
choose = ضمن برنامجي
choose-hint = ضع علامة على الجلسات التي تودّ متابعتها لتُعِدّ برنامجك الخاص.
choose-which = : { $title }

my-programme-title = برنامجي
my-programme-open = فتح برنامجي
my-programme-hint = مع الجلسات التي اخترتها
my-programme-count = { $count ->
    [zero] لم تُختر أي جلسة
    [one] جلسة واحدة مختارة
    [two] جلستان مختارتان
    [few] { $count } جلسات مختارة
    [many] { $count } جلسةً مختارة
   *[other] { $count } جلسة مختارة
 }
my-programme-empty = لم تختر أي جلسة بعد. اختر جلسات من البرنامج لتظهر هنا.
my-programme-calendar = إضافة إلى تقويمي
my-programme-keep = حفظ هذه الجلسات على هذا الجهاز
my-programme-link = عنوان هذه الصفحة يتضمن اختيارك: احفظه في مفضلتك أو أرسله إلى أحد زملائك.
my-programme-update = تحديث برنامجي
my-programme-add = إضافة إلى برنامجي
my-programme-remove = إزالة من برنامجي
to-the-programme = الاطلاع على البرنامج

session-facts = عن هذه الجلسة
session-presiding = رئاسة الجلسة
session-items = سير الجلسة
session-languages = اللغات المستخدمة
session-interpretation = ترجمة فورية إلى
session-access = الحضور
session-calendar = إضافة إلى تقويمي
session-previous = السابقة
session-next = التالية
neighbours-label = جلسات اليوم نفسه
seats = { $count ->
    [zero] لا مقاعد
    [one] مقعد واحد
    [two] مقعدان
    [few] { $count } مقاعد
    [many] { $count } مقعدًا
   *[other] { $count } مقعد
 }
minutes = { $count ->
    [zero] أقل من دقيقة
    [one] دقيقة واحدة
    [two] دقيقتان
    [few] { $count } دقائق
    [many] { $count } دقيقة
   *[other] { $count } دقيقة
 }
list-separator = ،
on-behalf-of = نيابةً عن { $name }
protocol-ministerial-intervention = مداخلات الوزراء
protocol-institutional-response = ردود المؤسسات
protocol-other = بيانات

session-kind-opening = الافتتاح
session-kind-thematic = جلسة موضوعية
session-kind-high-level-political = جلسة سياسية رفيعة المستوى
session-kind-closing = الختام
session-kind-parallel = جلسة موازية
session-kind-side-event = فعالية جانبية
session-kind-ceremony = مراسم
session-kind-social = حفل استقبال
session-kind-break = استراحة

item-kind-welcome-address = كلمة ترحيب
item-kind-keynote = كلمة رئيسية
item-kind-panel = حلقة نقاش
item-kind-statement = بيان
item-kind-ministerial-intervention = مداخلة وزارية
item-kind-institutional-response = رد مؤسسي
item-kind-discussion = نقاش
item-kind-call-for-action = النداء إلى العمل
item-kind-performance = عرض فني
item-kind-break = استراحة

role-chair = رئاسة الجلسة
role-moderator = إدارة النقاش
role-keynote-speaker = الكلمة الرئيسية
role-panellist = حلقة النقاش
role-speaker = { $count ->
    [one] الكلمة
   *[other] الكلمات
 }
role-rapporteur = التقرير

access-open = مفتوحة لجميع المشاركين
access-sign-up = بالتسجيل في الجلسة
access-invitation = بدعوة

speakers-title = المتحدثون
speakers-find = البحث عن المتحدثين
speakers-search = الاسم أو المنصب أو المنظمة
speakers-any-country = كل البلدان
speakers-sort = الترتيب
speakers-sort-agenda = كما في البرنامج
speakers-sort-precedence = ترتيب الأسبقية
speakers-sort-name = حسب الاسم
speakers-sort-role = حسب الدور
speakers-found = { $count ->
    [0] لا يوجد متحدث يطابق اختيارك.
    [one] متحدث واحد يطابق اختيارك.
    [two] متحدثان يطابقان اختيارك.
    [few] { $count } متحدثين يطابقون اختيارك.
    [many] { $count } متحدثا يطابقون اختيارك.
   *[other] { $count } متحدث يطابقون اختيارك.
 }
speakers-all = عرض كل المتحدثين
speakers-no-role = متحدثون آخرون
speakers-none = لم يُعلَن عن متحدثين بعد.
speaker-appearances = في البرنامج
speaker-calendar = إضافة هذه الجلسات إلى تقويمي

call-status-drafted = مشروع
call-status-adopted = معتمد
call-issued-by = صادر عن { $name }
call-commitments = الالتزامات
call-basis = السند:
call-teaser = ما يطلبه المؤتمر من الدول والمنظمات والمجتمع المدني.
call-read = قراءة النداء إلى العمل

tracks-title = المحاور
registration-closes = التسجيل مفتوح حتى { $when }.
registration-closed = التسجيل غير متاح حاليًا.
conference-over = انتهى هذا المؤتمر. تعرض هذه الصفحات ما جرى فيه.
conference-is-over = انتهى
demonstration = هذا عرض توضيحي. لا يُعتد بأي تسجيل فيه؛ جرِّبوا ما شئتم.
registration-from = يُفتح التسجيل في { $when }.
registration-until = يُغلق التسجيل في { $when }.

conferences-title = المؤتمرات
conferences-none = لم يُعلَن عن أي مؤتمر بعد.

error-number = خطأ { $status }
error-404-title = تعذّر العثور على هذه الصفحة
error-404-words = ربما نُقلت الصفحة، أو كُتب عنوانها خطأً.
error-410-title = لم تعد هذه الصفحة موجودة
error-410-words = سُحب محتواها من البرنامج.
error-429-title = طلبات كثيرة جدًا
error-429-words = انتظر لحظة ثم حاول من جديد.
error-503-title = الخدمة غير متاحة
error-503-words = حاول من جديد بعد بضع دقائق.
error-other-title = حدث خطأ ما
error-other-words = تعذّر عرض الصفحة. حاول من جديد لاحقًا.
starting-title = الخدمة قيد التشغيل
starting-words = يُرجى الانتظار: ستُحمَّل هذه الصفحة من جديد تلقائيًا خلال ثوانٍ.

## Contact, notices, practical information

nav-information = معلومات عملية
contact-title = للاتصال
privacy-title = إشعار الخصوصية
privacy-notice-of = إشعار الخصوصية: { $name }
legal-title = إشعار قانوني
accessibility-title = إمكانية الوصول
controller-title = الجهة المسؤولة عن بياناتكم
controller-officer = مسؤول حماية البيانات:
