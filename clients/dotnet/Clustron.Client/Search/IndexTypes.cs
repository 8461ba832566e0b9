using StackExchange.Redis;

namespace Clustron;

/// <summary>What an index is over.</summary>
public enum IndexKind
{
    /// <summary>Fields of hashes.</summary>
    Hash,

    /// <summary>Labels, which keys of any type may have.</summary>
    Labels,

    /// <summary>The names of keys, in order.</summary>
    Keys,
}

/// <summary>How an index is made. The same definition again is the same index.</summary>
public sealed record IndexDefinition
{
    /// <summary>What it is over.</summary>
    public required IndexKind Kind { get; init; }

    /// <summary>Of Labels: only keys that were labelled with this entity.</summary>
    public string? Entity { get; init; }

    /// <summary>Only keys that begin with one of these; empty: all. At most 64.</summary>
    public IReadOnlyList<string> Prefixes { get; init; } = [];

    /// <summary>Which fields or labels, at most 64; empty of Keys.</summary>
    public IReadOnlyList<IndexField> Fields { get; init; } = [];

    internal Command ToCommand(string name)
    {
        var words = new List<object> { "CREATE", name, "ON", Kind.ToString().ToUpperInvariant() };
        if (Entity is not null) words.AddRange(["ENTITY", Entity]);
        if (Prefixes.Count > 0) words.AddRange(["PREFIX", Prefixes.Count, .. Prefixes]);
        if (Fields.Count > 0) words.AddRange(["FIELDS", Fields.Count, .. Fields.SelectMany(f => new[] { f.Plain, f.Type })]);
        return Command.Of("INDEX", [.. words]);
    }
}

/// <summary>A field of an index as the server tells of it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">TAG, NUM or TEXT.</param>
/// <param name="Values">How many values it holds; of TEXT words.</param>
/// <param name="Unfit">How many keys have a value there that can't be indexed: such a field counts as absent.</param>
public sealed record IndexFieldInfo(string Name, string Type, long Values, long Unfit);

/// <summary>An index as the server tells of it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">What it is over.</param>
/// <param name="Entity">Which labelled keys; null: all.</param>
/// <param name="Prefixes">Which keys; empty: all.</param>
/// <param name="Fields">Which fields.</param>
/// <param name="Keys">How many keys are in it.</param>
/// <param name="IsReady">It can be queried: it is built.</param>
/// <param name="Percent">How much of the database is in it.</param>
public sealed record IndexInfo(
    string Name, IndexKind Kind, string? Entity, IReadOnlyList<string> Prefixes, IReadOnlyList<IndexFieldInfo> Fields, long Keys, bool IsReady, int Percent);

/// <summary>An index in a list.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">What it is over.</param>
/// <param name="Keys">How many keys are in it.</param>
/// <param name="Percent">How much of the database is in it; 100: it can be queried.</param>
public sealed record IndexRow(string Name, IndexKind Kind, long Keys, int Percent);

/// <summary>An attribute beside a key's value.</summary>
/// <param name="Name">1 to 256 bytes; several labels of a key may have the same.</param>
/// <param name="Value">At most 256 bytes.</param>
public readonly record struct IndexLabel(string Name, RedisValue Value);

/// <summary>A key's labels.</summary>
/// <param name="Entity">That it was labelled with.</param>
/// <param name="Labels">At most 64.</param>
public sealed record KeyLabels(string? Entity, IReadOnlyList<IndexLabel> Labels);

/// <summary>A key that was found, with the fields that were asked for.</summary>
/// <param name="Key">Its name.</param>
/// <param name="Fields">By their names; null of one that is absent.</param>
public sealed record IndexHit(RedisKey Key, IReadOnlyDictionary<string, RedisValue> Fields)
{
    /// <summary>A field that was asked for.</summary>
    public RedisValue this[IndexField field] => Fields[field.Plain];
}

/// <summary>A page of keys that were found.</summary>
/// <param name="Total">How many match in all, as of this page.</param>
/// <param name="Keys">In their order.</param>
/// <param name="Cursor">What the next page is asked for with, of any node, at any time; null: this is the last one.</param>
public sealed record IndexPage(long Total, IReadOnlyList<RedisKey> Keys, string? Cursor);

/// <summary>A figure of an aggregation.</summary>
public sealed class Reduce
{
    private Reduce(string word, IndexField? field) => (Word, Field) = (word, field);

    internal string Word { get; }
    internal IndexField? Field { get; }

    /// <summary>How many keys.</summary>
    public static Reduce Count { get; } = new("COUNT", null);

    /// <summary>The sum, exact and rounded once.</summary>
    public static Reduce Sum(NumField field) => new("SUM", field);

    /// <summary>The average.</summary>
    public static Reduce Avg(NumField field) => new("AVG", field);

    /// <summary>The least value.</summary>
    public static Reduce Min(IndexField field) => new("MIN", field);

    /// <summary>The greatest value.</summary>
    public static Reduce Max(IndexField field) => new("MAX", field);
}

/// <summary>A group of an aggregation.</summary>
/// <param name="By">The values of the fields it is grouped by; null of one that is absent.</param>
/// <param name="Results">In the order that they were asked for; null where no key has the field.</param>
public sealed record IndexGroup(IReadOnlyList<RedisValue> By, IReadOnlyList<RedisValue> Results);
