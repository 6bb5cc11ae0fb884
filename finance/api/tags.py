"""The tags of a book, and the entries that have them."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.serializers import StrictSerializer
from finance import money
from finance.api.base import BookView
from finance.api.fields import BIGGEST_ID
from finance.errors import NotFound
from finance.ledger.models import JournalEntry
from finance.ledger.selectors import entry_for
from finance.tags import selectors, services
from finance.tags.models import Tag, TagColour
from identity.api.idempotency import once_per_key

TAG = {"id": 3, "name": "Holiday", "colour": "teal"}
MOST_ENTRIES = 1000
MOST_NAMES = 50


class TagSerializer(serializers.ModelSerializer[Tag]):
    class Meta:
        model = Tag
        fields = ("id", "name", "colour")


class NewTag(StrictSerializer):
    name = serializers.CharField(
        max_length=services.LONGEST_NAME, help_text="Unique in the book, whatever its capitals."
    )
    colour = serializers.ChoiceField(choices=TagColour.choices, default=TagColour.GREY.value)


class TagChanges(StrictSerializer):
    name = serializers.CharField(max_length=services.LONGEST_NAME, required=False)
    colour = serializers.ChoiceField(choices=TagColour.choices, required=False)


class MergeTag(StrictSerializer):
    into = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID, help_text="Id of the tag that stays.")


class _Names(serializers.ListField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=serializers.CharField(max_length=services.LONGEST_NAME), max_length=MOST_NAMES, **kwargs)


class EntryTags(StrictSerializer):
    tags = _Names(help_text="Names of all tags of the entry; new names make new tags.")


class TagEntries(StrictSerializer):
    entries = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST_ENTRIES)
    add = _Names(required=False, default=list, help_text="Names of tags to put on; new names make new tags.")
    remove = _Names(required=False, default=list, help_text="Names of tags to take off.")


class TaggedSerializer(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="Entries whose tags changed.")
    change = serializers.IntegerField(allow_null=True, help_text="Id of the change, to undo it; null without one.")


class SumSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    spent = serializers.CharField(help_text="On expense categories; refunds lower it.")
    received = serializers.CharField(help_text="On income categories.")


class FiguresSerializer(serializers.Serializer[Any]):
    entries = serializers.IntegerField(help_text="Entries that count; reversed ones do not.")
    sums = SumSerializer(many=True)


class TagView(BookView):
    def tag(self) -> Tag:
        return selectors.tag_for(book=self.book, tag_id=self.kwargs["tag_id"])


@extend_schema_view(
    get=extend_schema(
        operation_id="tags_list",
        summary="Tags of a book",
        examples=[OpenApiExample("A tag", response_only=True, value=TAG)],
    ),
    post=extend_schema(
        operation_id="tags_create", summary="Make a tag", request=NewTag, responses={201: TagSerializer}
    ),
)
@extend_schema(tags=["tags"])
class TagList(TagView, generics.ListAPIView[Tag]):
    """Labels for entries of any category."""

    serializer_class = TagSerializer
    bodies = {"POST": NewTag}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[Tag]:
        return Tag.objects.none() if getattr(self, "swagger_fake_view", False) else Tag.objects.filter(book=self.book)

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        tag = services.save_tag(book=self.book, **self.body())
        return status.HTTP_201_CREATED, TagSerializer(tag).data


@extend_schema_view(
    get=extend_schema(operation_id="tags_retrieve", summary="A tag", responses=TagSerializer),
    patch=extend_schema(
        operation_id="tags_update", summary="Rename or recolour a tag", request=TagChanges, responses=TagSerializer
    ),
    delete=extend_schema(
        operation_id="tags_delete",
        summary="Remove a tag",
        description="It is taken off every entry; the entries stay as they are.",
        responses={204: None},
    ),
)
@extend_schema(tags=["tags"])
class TagDetail(TagView):
    """One tag."""

    serializer_class = TagSerializer
    bodies = {"PATCH": TagChanges}

    def get(self, request: Request, book_id: int, tag_id: int) -> Response:
        return Response(TagSerializer(self.tag()).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int, tag_id: int) -> tuple[int, Any]:
        tag = self.tag()
        services.save_tag(book=self.book, tag=tag, **{"name": tag.name, **self.body()})
        return status.HTTP_200_OK, TagSerializer(tag).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, tag_id: int) -> tuple[int, Any]:
        services.remove_tag(tag=self.tag())
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    post=extend_schema(
        operation_id="tags_merge",
        summary="Merge a tag into another",
        description="Its entries get the other tag; then it is removed. Answers with the other.",
        request=MergeTag,
        responses=TagSerializer,
    )
)
@extend_schema(tags=["tags"])
class MergeTags(TagView):
    """Makes two tags one."""

    serializer_class = TagSerializer
    bodies = {"POST": MergeTag}

    @once_per_key()
    def post(self, request: Request, book_id: int, tag_id: int) -> tuple[int, Any]:
        into = selectors.tag_for(book=self.book, tag_id=self.body()["into"])
        services.merge_tag(tag=self.tag(), into=into)
        return status.HTTP_200_OK, TagSerializer(into).data


@extend_schema_view(
    get=extend_schema(
        operation_id="tags_figures", summary="What a tag's entries add up to", responses=FiguresSerializer
    )
)
@extend_schema(tags=["tags"])
class TagFiguresView(TagView):
    """Count and sums of one tag."""

    serializer_class = FiguresSerializer

    def get(self, request: Request, book_id: int, tag_id: int) -> Response:
        tag = self.tag()
        figures = selectors.tag_figures(book=self.book, tag_ids=[tag.pk])[tag.pk]
        sums = [
            {
                "currency": each.currency,
                "spent": money.format_amount(each.spent, currency=each.currency),
                "received": money.format_amount(each.received, currency=each.currency),
            }
            for each in figures.sums
        ]
        return Response({"entries": figures.entries, "sums": sums})


@extend_schema_view(
    put=extend_schema(
        operation_id="entries_tags",
        summary="Set the tags of an entry",
        description="The entry keeps its lines and its history; a later correction keeps the tags.",
        request=EntryTags,
        responses=EntryTags,
    )
)
@extend_schema(tags=["tags"])
class SetEntryTags(BookView):
    """The tags of one entry."""

    serializer_class = EntryTags
    bodies = {"PUT": EntryTags}

    @once_per_key()
    def put(self, request: Request, book_id: int, uid: str) -> tuple[int, Any]:
        entry = entry_for(book=self.book, uid=self.kwargs["uid"])
        with transaction.atomic():
            tags = services.tags_named(book=self.book, names=self.body()["tags"])
            services.set_tags(book=self.book, actor=self.user, entry_id=entry.pk, tags=tags)
        return status.HTTP_200_OK, {"tags": sorted((tag.name for tag in tags), key=str.casefold)}


@extend_schema_view(
    post=extend_schema(
        operation_id="entries_tags_bulk",
        summary="Tag many entries",
        description="Puts tags on up to 1,000 entries and takes others off, all or none.",
        request=TagEntries,
        responses=TaggedSerializer,
    )
)
@extend_schema(tags=["tags"])
class TagManyEntries(BookView):
    """Tags of many entries."""

    serializer_class = TaggedSerializer
    bodies = {"POST": TagEntries}

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        asked = self.body()
        ids = dict(JournalEntry.objects.filter(book=self.book, uid__in=asked["entries"]).values_list("uid", "pk"))
        for index, uid in enumerate(asked["entries"]):
            if uid not in ids:
                raise NotFound(thing="entry", field=f"entries.{index}")
        known = selectors.by_name(book=self.book)
        for index, name in enumerate(asked["remove"]):
            if name.casefold() not in known:
                raise NotFound(thing=_("tag"), field=f"remove.{index}")
        with transaction.atomic():
            change = services.change_tags(
                book=self.book,
                actor=self.user,
                entry_ids=list(ids.values()),
                add=services.tags_named(book=self.book, names=asked["add"]),
                remove=[known[name.casefold()] for name in asked["remove"]],
            )
        count = change.entry_count if change else 0
        return status.HTTP_200_OK, {"changed": count, "change": change.pk if change else None}
