using StackExchange.Redis;

namespace Clustron;

/// <summary>
/// A field of an index: of a hash or a label, by its name and type. It defines the index (<see cref="IndexDefinition.Fields"/>) and makes
/// conditions of queries: <c>City == "Berlin" &amp; Age >= 28</c>. Immutable.
/// </summary>
public abstract class IndexField
{
    private protected IndexField(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        Name = name;
    }

    /// <summary>Of the hash's field or the label.</summary>
    public string Name { get; }

    /// <summary>A field that is compared by its bytes.</summary>
    public static TagField Tag(string name) => new(name);

    /// <summary>A field of numbers: IEEE doubles.</summary>
    public static NumField Num(string name) => new(name);

    /// <summary>A field of words: what is searched are words and beginnings of words, in any capitals.</summary>
    public static TextField Text(string name) => new(name);

    /// <summary>The name of the key itself: any index has it.</summary>
    public static TagField Key { get; } = new KeyNameField();

    /// <summary>The field is there (and of its type).</summary>
    public IndexFilter Exists => new IndexFilter.Present(this);

    /// <summary>The field is absent.</summary>
    public IndexFilter Absent => !Exists;

    /// <summary>TAG, NUM, TEXT.</summary>
    internal abstract string Type { get; }

    /// <summary>As the query language writes it: quoted, so that every name is one.</summary>
    internal virtual string Word => "\"" + Name.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";

    /// <summary>As SORT, GROUP, REDUCE and FIELDS take it.</summary>
    internal virtual string Plain => Name;

    private protected IndexFilter Compare(string sign, RedisValue value) => new IndexFilter.Comparison(this, sign, NotNull(value));

    private protected static RedisValue NotNull(RedisValue value) =>
        value.IsNull ? throw new ArgumentNullException(nameof(value), "No value equals null: Absent is the condition for a field that is not there.") : value;

    /// <inheritdoc/>
    public override string ToString() => Name;

    private sealed class KeyNameField() : TagField("@key")
    {
        internal override string Word => "@key";
    }
}

/// <summary>A field that is compared by its bytes.</summary>
public class TagField : IndexField
{
    internal TagField(string name) : base(name) { }

    internal override string Type => "TAG";

    /// <summary>It is this value; of a label with several values: one of them is.</summary>
    public static IndexFilter operator ==(TagField field, RedisValue value) => field.Compare("=", value);

    /// <summary>It is not: absent, too.</summary>
    public static IndexFilter operator !=(TagField field, RedisValue value) => field.Compare("!=", value);

    /// <summary>Its bytes come before.</summary>
    public static IndexFilter operator <(TagField field, RedisValue value) => field.Compare("<", value);

    /// <summary>Its bytes come behind.</summary>
    public static IndexFilter operator >(TagField field, RedisValue value) => field.Compare(">", value);

    /// <summary>Its bytes come before, or are the same.</summary>
    public static IndexFilter operator <=(TagField field, RedisValue value) => field.Compare("<=", value);

    /// <summary>Its bytes come behind, or are the same.</summary>
    public static IndexFilter operator >=(TagField field, RedisValue value) => field.Compare(">=", value);

    /// <summary>It begins so.</summary>
    public IndexFilter StartsWith(RedisValue prefix) => Compare("^=", prefix);

    /// <summary>It is one of these values.</summary>
    public IndexFilter In(params RedisValue[] values) => new IndexFilter.OneOf(this, [.. values.Select(NotNull)]);

    /// <inheritdoc/>
    public override bool Equals(object? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);
}

/// <summary>A field of numbers.</summary>
public sealed class NumField : IndexField
{
    internal NumField(string name) : base(name) { }

    internal override string Type => "NUM";

    /// <summary>It is this number; of a label with several values: one of them is.</summary>
    public static IndexFilter operator ==(NumField field, double number) => field.Compare("=", Finite(number));

    /// <summary>It is not: absent, too.</summary>
    public static IndexFilter operator !=(NumField field, double number) => field.Compare("!=", Finite(number));

    /// <summary>It is less.</summary>
    public static IndexFilter operator <(NumField field, double number) => field.Compare("<", Finite(number));

    /// <summary>It is greater.</summary>
    public static IndexFilter operator >(NumField field, double number) => field.Compare(">", Finite(number));

    /// <summary>It is not greater.</summary>
    public static IndexFilter operator <=(NumField field, double number) => field.Compare("<=", Finite(number));

    /// <summary>It is not less.</summary>
    public static IndexFilter operator >=(NumField field, double number) => field.Compare(">=", Finite(number));

    /// <summary>It is one of these numbers.</summary>
    public IndexFilter In(params double[] numbers) => new IndexFilter.OneOf(this, [.. numbers.Select(Finite)]);

    /// <inheritdoc/>
    public override bool Equals(object? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);

    private static RedisValue Finite(double number) => double.IsFinite(number)
        ? number.ToString("R", System.Globalization.CultureInfo.InvariantCulture)
        : throw new ArgumentOutOfRangeException(nameof(number), number, "A field of numbers has finite ones only.");
}

/// <summary>A field of words. It has no order.</summary>
public sealed class TextField : IndexField
{
    internal TextField(string name) : base(name) { }

    internal override string Type => "TEXT";

    /// <summary>It has all of these words, in any order.</summary>
    public IndexFilter Has(string words) => Compare("=", words);

    /// <summary>It has a word that begins so.</summary>
    public IndexFilter HasWordStarting(string prefix) => Compare("^=", prefix);
}
