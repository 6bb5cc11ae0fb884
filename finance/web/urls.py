from django.urls import path

from finance.web import books, overview

app_name = "web"

urlpatterns = [
    path("", books.home, name="home"),
    path("theme/", books.theme, name="theme"),
    path("books/new/", books.book_new, name="book_new"),
    path("b/<int:book_id>/", overview.overview, name="overview"),
]
