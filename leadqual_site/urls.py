"""All URLs: pages and verbs of qualification, intake, log-in, admin."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path

from qualification.views import login

auth_urls = [
    path("login/", login.LogIn.as_view(), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("password/", auth.PasswordChangeView.as_view(), name="password_change"),
    path("password/done/", auth.PasswordChangeDoneView.as_view(), name="password_change_done"),
]

urlpatterns = [
    path("admin/", admin.site.urls),
    *auth_urls,
    path("", include("qualification.urls")),
]

handler400 = "qualification.views.errors.bad_request"
handler403 = "qualification.views.errors.forbidden"
handler404 = "qualification.views.errors.not_found"
handler500 = "qualification.views.errors.server_error"
